# Schedule of 15 epochs for the synthetic set: minutes on a CPU, for comparisons of many trainings.
_base_ = './monolss_600e.py'
max_epochs = 15
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
optim_wrapper = dict(
    type='AutocastOptimWrapper',
    paramwise_cfg=None,
    optimizer=dict(lr=2e-3, weight_decay=0., fused=True))
param_scheduler = [
    dict(type='CosineWarmupLR', start_lr=1e-5, begin=0, end=2, by_epoch=True,
         convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=1e-5, begin=2, end=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
# Share of the epochs before selection starts: a sixth in the published schedule, a third here.
sample_selection_warmup = dict(
    _delete_=True, type='SampleSelectionWarmupHook', mode='epoch', start_fraction=0.34)
stable_warmup = dict(window=2, tolerance=0.05)
