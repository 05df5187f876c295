# mmdet3d's SMOKE on the synthetic set with plain convolutions and a small input, 10 epochs.
_base_ = './smoke_dla34_kitti.py'
data_root = 'data/synthetic/'
input_size = (640, 192)
train_pipeline = [
    dict(type='RandomFlipMono3D', prob=0.5),
    _base_.object_filter,
    dict(type='CropScaleAffine', input_size=input_size, fit='width'),
    dict(type='PackMono3DInputs'),
]
test_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='CropScaleAffine', input_size=input_size, fit='width'),
    dict(type='PackMono3DInputs'),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(dataset=dict(data_root=data_root), pipeline=train_pipeline))
val_dataloader = dict(
    num_workers=1, dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(backbone=dict(init_cfg=None), neck=dict(use_dcn=False))

max_epochs = 10
train_cfg = dict(max_epochs=max_epochs, val_interval=5)
param_scheduler = [
    dict(type='MultiStepLR', milestones=[8], gamma=0.1, begin=0, end=max_epochs, by_epoch=True)
]
