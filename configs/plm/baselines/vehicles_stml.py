# Self-taught similarities (STML) on rendered vehicles.
_base_ = '../vehicles_128.py'
model = dict(loss=dict(_delete_=True, type='SelfTaughtLoss'))
train_pipeline = [
    _base_.load,
    dict(type='MakeViews', transforms=_base_.train_views, clean=_base_.test_views),
    dict(type='PackViews'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
