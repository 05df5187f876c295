# 150 epochs of Adam, steps at 90 and 120: DID-M3D.
_base_ = './adam_140e.py'
max_epochs = 150
train_cfg = dict(max_epochs=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
