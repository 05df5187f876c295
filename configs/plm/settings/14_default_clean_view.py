# Default with a clean view for the momentum encoder
_base_ = './13_default.py'
train_pipeline = [
    _base_.load,
    dict(type='MakeViews', transforms=_base_.train_views, clean=_base_.test_views),
    dict(type='PackViews'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
