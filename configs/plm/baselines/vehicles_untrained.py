# The encoder without training, with a random linear layer, on rendered vehicles.
_base_ = './vehicles_supervised.py'
# One epoch of steps of length zero, so that all commands for trainings apply.
train_cfg = dict(max_epochs=1)
optim_wrapper = dict(optimizer=dict(lr=0.))
