# Momentum 0.99 instead of 0.999
_base_ = './01_literal.py'
model = dict(momentum=0.99)
