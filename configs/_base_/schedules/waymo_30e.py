# DEVIANT's 30 epochs on Waymo: Adam, batch 40, steps at 18 and 26.
_base_ = './monolss_600e.py'
max_epochs = 30
train_cfg = dict(max_epochs=max_epochs, val_interval=10)
optim_wrapper = dict(optimizer=dict(lr=1.25e-3))
param_scheduler = [
    dict(type='CosineWarmupLR', start_lr=1e-5, begin=0, end=6, by_epoch=True),
    dict(type='MultiStepLR', milestones=[18, 26], gamma=0.1, by_epoch=True),
]
auto_scale_lr = dict(base_batch_size=40)
