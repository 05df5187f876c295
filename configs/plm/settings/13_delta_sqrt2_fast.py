# Delta = sqrt(2), learning rate 3e-4
_base_ = './01_literal.py'
model = dict(loss=dict(delta=2**0.5))
optim_wrapper = dict(optimizer=dict(lr=3e-4))
