# Schedule of MonoCon: 200 epochs of AdamW with one cycle of learning rate and momentum. All values
# are those of configs/_base_/schedules/cyclic_200e_monocon.py in the released code.
max_epochs = 200
train_cfg = dict(type='ResumableEpochLoop', max_epochs=max_epochs, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2.25e-4, betas=(0.95, 0.99), weight_decay=1e-5),
    paramwise_cfg=dict(
        # Biases learn twice as fast and without weight decay. The biases of normalisations have
        # the common learning rate.
        bias_lr_mult=2., bias_decay_mult=0., norm_decay_mult=0.,
        # The affines of attentive normalisation belong to a normalisation too.
        custom_keys={'.scales': dict(decay_mult=0.), '.shifts': dict(decay_mult=0.)}),
    clip_grad=dict(max_norm=35, norm_type=2))
# Each learning rate rises tenfold in 40 % of the iterations and then falls to 1e-4 of its start.
# The first momentum falls to 0.85 and returns to 0.95 in the same iterations.
peak = 80
param_scheduler = [
    dict(type='CosineAnnealingLR', T_max=peak, eta_min_ratio=10, begin=0, end=peak,
         by_epoch=True, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', T_max=max_epochs - peak, eta_min_ratio=1e-4, begin=peak,
         end=max_epochs, by_epoch=True, convert_to_iter_based=True),
    dict(type='CosineAnnealingMomentum', T_max=peak, eta_min=0.85, begin=0,
         end=peak, by_epoch=True, convert_to_iter_based=True),
    dict(type='CosineAnnealingMomentum', T_max=max_epochs - peak, eta_min=0.95, begin=peak,
         end=max_epochs, by_epoch=True, convert_to_iter_based=True),
]
# One GPU, batch 8.
auto_scale_lr = dict(enable=False, base_batch_size=8)
