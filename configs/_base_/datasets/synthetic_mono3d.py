# The synthetic set of the ablations.
# python tools/create_data.py synthetic --num-train 240 --num-val 60 --out data/synthetic
_base_ = './kitti_mono3d.py'
data_root = 'data/synthetic/'
input_size = (640, 192)

load_pipeline = [
    dict(type='LoadImageMono3D', keep_in_memory=True),
    dict(type='LoadAnnotationsMono3D'),
]
crop_scale = dict(input_size=input_size, scale=0.2, shift=0.05)
color = dict(type='mmdet.PhotoMetricDistortion')
train_pipeline = [
    _base_.flip,
    _base_.object_filter,
    {**_base_.crop_scale, **crop_scale},
    color,
    _base_.pack,
]
test_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='CropScaleAffine', input_size=input_size, fit='width'),
    dict(type='PackMono3DInputs'),
]
# On two cores a data worker slows the training threads down.
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        dataset=dict(data_root=data_root, pipeline=load_pipeline), pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader
