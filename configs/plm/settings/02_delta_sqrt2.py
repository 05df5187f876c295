# Delta = sqrt(2)
_base_ = './01_literal.py'
model = dict(loss=dict(delta=2**0.5))
