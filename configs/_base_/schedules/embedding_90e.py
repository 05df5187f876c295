# Schedule of STML (Kim et al., CVPR 2022), the protocol of the field: 90 epochs of AdamW, batch
# 120, 1e-4, cosine.
max_epochs = 90
train_cfg = dict(type='ResumableEpochLoop', max_epochs=max_epochs, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-4, weight_decay=1e-2))
param_scheduler = [
    dict(type='CosineAnnealingLR', T_max=max_epochs, by_epoch=True, convert_to_iter_based=True),
]
# One GPU, batch 120.
auto_scale_lr = dict(enable=False, base_batch_size=120)
