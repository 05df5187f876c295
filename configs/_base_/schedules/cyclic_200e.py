# Schedule of MonoCon: 200 epochs of AdamW with one cycle of learning rate and momentum.
max_epochs = 200
train_cfg = dict(type='ResumableEpochLoop', max_epochs=max_epochs, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

lr = 2.25e-4
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=lr, betas=(0.95, 0.99), weight_decay=1e-5),
    clip_grad=dict(max_norm=35, norm_type=2))
# The learning rate rises tenfold in 40 % of the epochs and then falls to 1e-4 of its start. The
# first momentum falls and rises in the same epochs.
peak = 80
param_scheduler = [
    dict(type='CosineAnnealingLR', T_max=peak, eta_min=10 * lr, begin=0, end=peak,
         by_epoch=True, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', T_max=max_epochs - peak, eta_min=1e-4 * lr, begin=peak,
         end=max_epochs, by_epoch=True, convert_to_iter_based=True),
    dict(type='CosineAnnealingMomentum', T_max=peak, eta_min=0.85, begin=0,
         end=peak, by_epoch=True, convert_to_iter_based=True),
    dict(type='CosineAnnealingMomentum', T_max=max_epochs - peak, eta_min=0.95, begin=peak,
         end=max_epochs, by_epoch=True, convert_to_iter_based=True),
]
# One GPU, batch 8.
auto_scale_lr = dict(enable=False, base_batch_size=8)
