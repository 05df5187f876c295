# Literal reading of the public sources: delta 2, one view, learning rate 1e-4
_base_ = '../vehicles_128.py'
train_pipeline = [
    _base_.load,
    dict(type='MakeViews', transforms=_base_.train_views),
    dict(type='PackViews'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(
    momentum=0.999,
    loss=dict(delta=2., balance_members=False, normalize_similarity=False, num_proxies=100))
optim_wrapper = dict(optimizer=dict(lr=1e-4))
