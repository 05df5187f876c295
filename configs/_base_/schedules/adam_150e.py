# Schedule of DID-M3D: 150 epochs of Adam, with the steps of GUPNet.
_base_ = './adam_140e.py'
max_epochs = 150
train_cfg = dict(max_epochs=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
