# The rendered set of `tools/create_data.py synthetic` or `make demo`, for minutes on a CPU.
_base_ = './kitti_mono3d.py'
data_root = 'data/synthetic/'
input_size = (640, 192)

load_pipeline = [
    dict(type='LoadImageMono3D', keep_in_memory=True),
    dict(type='LoadAnnotationsMono3D'),
]
train_pipeline = [
    dict(type='RandomFlipMono3D', prob=0.5),
    _base_.object_filter,
    dict(type='CropScaleAffine', input_size=input_size, prob=0.5, scale=0.2, shift=0.05),
    dict(type='mmdet.PhotoMetricDistortion'),
    dict(type='PackMono3DInputs'),
]
test_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='CropScaleAffine', input_size=input_size),
    dict(type='PackMono3DInputs'),
]
# On two cores a loading process only gets in the way of the training threads.
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
