# MonoLSS with the slim network on the synthetic set, 34 epochs.
# It is the training of `make demo` if there are no ImageNet weights.
_base_ = './monolss_dla34_synthetic.py'
randomness = dict(seed=1404639960)
# Mixed frames cost accuracy in so few epochs (docs/results.md).
mixup3d = dict(prob=0.05)
train_pipeline = [{**_base_.mixup3d, **mixup3d}, *_base_.unmixed_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

# tools/calibrate.py fits it after the training.
model = dict(score_calibration=dict(type='PlattScaling'))

# Speeds a slim network in bfloat16 up (docs/performance.md).
acceleration = dict(channels_last=True)

max_epochs = 34
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
param_scheduler = [
    dict(type='CosineWarmupLR', start_lr=1e-5, begin=0, end=2, by_epoch=True,
         convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=1e-5, begin=2, end=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
