# Fine-tuning of MAL on Cityscapes (Dong et al., 2024, released code): 7 epochs of Adam, batch 12,
# warm-up from 1e-10 to 1e-4 in 500 steps, then a tenth every 48,000 steps.
max_epochs = 7
train_cfg = dict(type='ResumableEpochLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, begin=0, end=500, by_epoch=False),
    dict(type='StepLR', step_size=48000, gamma=0.1, begin=500, by_epoch=False),
]
auto_scale_lr = dict(enable=False, base_batch_size=12)
