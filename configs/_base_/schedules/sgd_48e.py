# Schedule of mmdet3d's PGD on KITTI: 48 epochs of SGD, steps at 32 and 44.
max_epochs = 48
train_cfg = dict(type='ResumableEpochLoop', max_epochs=max_epochs, val_interval=2)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.001, momentum=0.9, weight_decay=0.0001),
    paramwise_cfg=dict(bias_lr_mult=2., bias_decay_mult=0.),
    clip_grad=dict(max_norm=35, norm_type=2))
param_scheduler = [
    dict(type='LinearLR', start_factor=1.0 / 3, begin=0, end=500, by_epoch=False),
    dict(type='MultiStepLR', milestones=[32, 44], gamma=0.1, begin=0, end=max_epochs,
         by_epoch=True),
]
# Four GPUs, batch 3 each.
auto_scale_lr = dict(enable=False, base_batch_size=12)
