# MonoCon, slim, on the synthetic set.
_base_ = [
    '../_base_/datasets/synthetic_mono3d.py',
    '../_base_/models/monocon_dla34.py',
    '../_base_/models/slim.py',
    '../_base_/schedules/synthetic_15e.py',
    '../_base_/default_runtime.py'
]
train_pipeline = [
    dict(type='RandomFlipMono3D', prob=0.5),
    _base_.object_filter,
    dict(type='CropScaleAffine', input_size=_base_.input_size, prob=0.5, scale=0.2, shift=0.05,
         kept_center='box'),
    dict(type='mmdet.PhotoMetricDistortion'),
    dict(type='PackMono3DInputs'),
]
train_dataloader = dict(drop_last=True, dataset=dict(pipeline=train_pipeline))
model = dict(
    **_base_.slim,
    object_head=dict(
        in_channels=_base_.slim_channels[0], hidden_channels=32,
        depth_head=_base_.depth_help),
    auxiliary=[{**_base_.keypoints, 'in_channels': _base_.slim_channels[0],
                'hidden_channels': 32}])
default_hooks = dict(
    logger=dict(interval=10), checkpoint=dict(interval=4, max_keep_ckpts=2))
