# Delta = sqrt(2), the mean distance of a spread batch
_base_ = './01_literal.py'
model = dict(loss=dict(delta=2**0.5))
