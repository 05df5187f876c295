# 140 epochs of Adam, steps at 90 and 120: MonoDLE; GUPNet with twice the batch.
_base_ = './monolss_600e.py'
max_epochs = 140
train_cfg = dict(max_epochs=max_epochs, val_interval=10)
optim_wrapper = dict(optimizer=dict(lr=1.25e-3))
param_scheduler = [
    dict(type='CosineWarmupLR', start_lr=1e-5, begin=0, end=6, by_epoch=True),
    dict(type='MultiStepLR', milestones=[90, 120], gamma=0.1, by_epoch=True),
]
