# Schedule for clips of the renderer: minutes on a CPU, from scratch.
max_epochs = 8
train_cfg = dict(type='ResumableEpochLoop', max_epochs=max_epochs, val_interval=max_epochs)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3, fused=True))
param_scheduler = [
    dict(type='StepLR', step_size=6, gamma=0.3, by_epoch=True),
]
auto_scale_lr = dict(enable=False, base_batch_size=4)
