# Schedule of MonoLSS: 600 epochs of Adam. Its configuration has steps at 240, 360 and 480. The
# released trainer does not count the five epochs of warm-up, so the steps are five epochs later.
max_epochs = 600
train_cfg = dict(type='ResumableEpochLoop', max_epochs=max_epochs, val_interval=20)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-3, weight_decay=1e-5),
    # No weight decay on biases and on normalisation layers.
    paramwise_cfg=dict(bias_decay_mult=0., norm_decay_mult=0.))
param_scheduler = [
    # Five epochs from 1e-5 to the full learning rate, which epoch 5 is the first to have.
    dict(type='CosineWarmupLR', start_lr=1e-5, begin=0, end=6, by_epoch=True),
    dict(type='MultiStepLR', milestones=[245, 365, 485], gamma=0.1, by_epoch=True),
]
# One GPU, batch 16.
auto_scale_lr = dict(enable=False, base_batch_size=16)

# GUPNet's hierarchical task learning. The released code fixes full_epoch to 140.
hierarchical_task = dict(
    type='HierarchicalTaskHook',
    parents=dict(
        offset_3d=['size_2d', 'offset_2d'],
        size_3d=['size_2d', 'offset_2d'],
        heading=['size_2d', 'offset_2d'],
        depth=['size_2d', 'size_3d', 'offset_2d']),
    full_epoch=140,
    window=5)

# Sample selection starts after 100 epochs (MonoLSS's released code), or once the depth loss is
# stable (MonoLSS, section 3.2; window and tolerance are this project's).
sample_selection_warmup = dict(
    type='SampleSelectionWarmupHook', mode='epoch', start_epoch=100)
stable_warmup = dict(
    type='SampleSelectionWarmupHook', mode='stable', window=5, tolerance=0.01)
