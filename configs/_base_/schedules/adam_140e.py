# Schedule of MonoDLE and GUPNet: 140 epochs of Adam. Their configurations have steps at 90 and
# 120. The released trainers do not count the five epochs of warm-up, so the steps are five epochs
# later.
_base_ = './monolss_600e.py'
max_epochs = 140
train_cfg = dict(max_epochs=max_epochs, val_interval=10)
optim_wrapper = dict(optimizer=dict(lr=1.25e-3))
param_scheduler = [
    dict(type='CosineWarmupLR', start_lr=1e-5, begin=0, end=6, by_epoch=True),
    dict(type='MultiStepLR', milestones=[95, 125], gamma=0.1, by_epoch=True),
]
