# Schedule of NeWCRFs, LT and MetricDepth's ablations (section IV-C of MetricDepth): 20 epochs of
# Adam, batch 8, from 1e-4 to 1e-5 (NeWCRFs, implementation details) by polynomial decay of power
# 0.9 (released code).
max_epochs = 20
train_cfg = dict(type='ResumableEpochLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=1e-5, begin=0, end=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
auto_scale_lr = dict(enable=False, base_batch_size=8)
