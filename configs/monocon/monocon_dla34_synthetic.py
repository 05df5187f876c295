# MonoCon with the slim network on the synthetic set, 15 epochs.
_base_ = [
    '../_base_/datasets/synthetic_mono3d.py',
    '../_base_/models/monocon_dla34.py',
    '../_base_/models/slim.py',
    '../_base_/schedules/synthetic_15e.py',
    '../_base_/default_runtime.py'
]
crop_scale = dict(kept_center='box')
train_pipeline = [
    _base_.flip,
    _base_.object_filter,
    {**_base_.crop_scale, **crop_scale},
    _base_.color,
    _base_.pack,
]
train_dataloader = dict(drop_last=True, dataset=dict(pipeline=train_pipeline))
model = dict(
    **_base_.slim,
    object_head=dict(
        in_channels=_base_.slim_channels[0], hidden_channels=32,
        depth_head=_base_.depth_help),
    auxiliary=[{**_base_.keypoints, 'in_channels': _base_.slim_channels[0],
                'hidden_channels': 32}])
default_hooks = dict(logger=dict(interval=10))
