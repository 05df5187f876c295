# The demo's detector and frames with about half its schedule: for ablations, where
# many trainings are compared and none has to be the best.
#   python tools/ablate.py configs/monolss/ablations --data synthetic --out DIR
_base_ = './monolss_dla34_synthetic-demo.py'

max_epochs = 15
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
param_scheduler = [
    dict(type='CosineWarmupLR', start_lr=1e-5, begin=0, end=2, by_epoch=True,
         convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=1e-5, begin=2, end=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
