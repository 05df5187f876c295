# Two views per image
_base_ = './01_literal.py'
train_pipeline = [
    _base_.load,
    dict(type='MakeViews', transforms=_base_.train_views, num_views=2),
    dict(type='PackViews'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
