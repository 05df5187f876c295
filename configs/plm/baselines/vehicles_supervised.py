# Supervised proxy anchor on rendered vehicles, an upper bound.
_base_ = [
    '../../_base_/datasets/vehicles.py',
    '../../_base_/models/embedder_lite0.py',
    '../../_base_/schedules/embedding_5e.py',
    '../../_base_/default_runtime.py'
]
model = dict(
    labels='truth',
    loss=dict(
        type='LibraryMetricLoss',
        loss=dict(
            type='ProxyAnchorLoss', num_classes=40, embedding_size=128,
            margin=0.1, alpha=32)))
optim_wrapper = dict(
    optimizer=dict(lr=3e-4),
    paramwise_cfg=dict(custom_keys=dict(loss_module=dict(lr_mult=100.))))
train_dataloader = dict(drop_last=True)
acceleration = dict(channels_last=True)
default_hooks = dict(logger=dict(interval=10))
