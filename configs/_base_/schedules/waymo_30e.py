# Schedule of DEVIANT on Waymo: 30 epochs of Adam, batch 40. Its configuration has steps at 18 and
# 26. The released trainer does not count the five epochs of warm-up, so the steps are five epochs
# later, and the training ends before the second.
_base_ = './monolss_600e.py'
max_epochs = 30
train_cfg = dict(max_epochs=max_epochs, val_interval=10)
optim_wrapper = dict(optimizer=dict(lr=1.25e-3))
param_scheduler = [
    dict(type='CosineWarmupLR', start_lr=1e-5, begin=0, end=6, by_epoch=True),
    dict(type='MultiStepLR', milestones=[23, 31], gamma=0.1, by_epoch=True),
]
auto_scale_lr = dict(base_batch_size=40)
