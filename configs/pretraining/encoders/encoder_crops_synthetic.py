# Encoder from object crops of the synthetic set by PLM, a slim DLA; labels are not used.
_base_ = [
    '../../_base_/datasets/object_crops.py',
    '../../_base_/models/embedder_slim.py',
    '../../_base_/models/plm.py',
    '../../_base_/schedules/embedding_5e.py',
    '../../_base_/default_runtime.py'
]
train_dataloader = dict(batch_sampler=_base_.neighbourhood_batches)
model = {
    **_base_.plm,
    'momentum': 0.99,  # the published 0.999 hardly moves in so few iterations
    'head': dict(embed_dim=128),
    'loss': {**_base_.plm.loss, 'embed_dim': 128},
}
custom_hooks = _base_.custom_hooks + _base_.plm_hooks
acceleration = dict(channels_last=True)
max_epochs = 30
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
# Ten times the published learning rate: the backbone starts from random weights.
# The proxies have the rate that they have in the other configs.
optim_wrapper = dict(
    type='AutocastOptimWrapper',
    optimizer=dict(lr=1e-3),
    paramwise_cfg=dict(
        custom_keys=dict(_delete_=True, loss_module=dict(lr_mult=10., decay_mult=0.))))
param_scheduler = [
    dict(type='CosineAnnealingLR', T_max=max_epochs, by_epoch=True, convert_to_iter_based=True),
]
default_hooks = dict(logger=dict(interval=10))
