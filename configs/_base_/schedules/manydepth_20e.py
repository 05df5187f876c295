# Schedule of ManyDepth (Watson et al., 2021): 20 epochs of Adam, batch 12, 1e-4, a tenth after 15
# epochs. The restart of the optimiser (FreezeTeacherHook) also restarts the steps.
max_epochs = 20
train_cfg = dict(type='ResumableEpochLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = [dict(type='StepLR', step_size=15, gamma=0.1, by_epoch=True)]
auto_scale_lr = dict(enable=False, base_batch_size=12)
