# Schedule for rendered vehicles: 5 epochs, about a minute on a CPU core.
max_epochs = 5
train_cfg = dict(type='ResumableEpochLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=1e-2),
    # The head starts from random weights.
    paramwise_cfg=dict(custom_keys={'encoder.head': dict(lr_mult=10.)}))
param_scheduler = [
    dict(type='CosineAnnealingLR', T_max=max_epochs, by_epoch=True, convert_to_iter_based=True),
]
auto_scale_lr = dict(enable=False, base_batch_size=120)
