# The demo: a slim detector that learns to see synthetic cars on a laptop in
# minutes. `make demo` renders the frames, trains this and writes a report.
_base_ = './monolss_dla34_synthetic.py'
randomness = dict(seed=1404639960)
train_pipeline = [
    # Still fewer mixed frames than for ablations: they cost a short schedule most
    # (docs/results.md).
    dict(type='MixUp3D', prob=0.05, blend=0.5, max_objects=50),
    *_base_.train_pipeline[1:],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

# Half as fast again for a slim network in bfloat16 (docs/performance.md).
acceleration = dict(channels_last=True)

max_epochs = 34
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
param_scheduler = [
    dict(type='CosineWarmupLR', start_lr=1e-5, begin=0, end=2, by_epoch=True,
         convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=1e-5, begin=2, end=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
