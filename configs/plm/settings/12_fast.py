# Learning rate 3e-4
_base_ = './01_literal.py'
optim_wrapper = dict(optimizer=dict(lr=3e-4))
