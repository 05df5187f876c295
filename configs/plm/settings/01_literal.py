# Literal reading of the public sources: delta 2, one view, learning rate 1e-4
_base_ = '../vehicles_128.py'
train_dataloader = dict(dataset=dict(pipeline=_base_.train_pipeline))
model = dict(
    momentum=0.999,
    loss=dict(delta=2., balance_members=False, normalize_similarity=False, num_proxies=100))
optim_wrapper = dict(optimizer=dict(lr=1e-4))
