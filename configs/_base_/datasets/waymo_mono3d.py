# Waymo's front camera, converted by `tools/create_data.py waymo`: every third training frame
# (--every 3) and all validation frames. Input and augmentation of DEVIANT.
_base_ = './kitti_mono3d.py'
data_root = 'data/waymo_mono/'
# Mean height, width, length in metres (DEVIANT's released code).
classes = dict(
    Pedestrian=(1.7431, 0.8494, 0.9110),
    Vehicle=(1.8032, 2.1036, 4.8104),
    Cyclist=(1.7336, 0.8230, 1.7530))
input_size = (768, 512)

crop_scale = dict(input_size=input_size, fit='contain')
# Waymo labels neither truncation nor occlusion. In DEVIANT, objects with few LiDAR points train
# the heatmap alone, and only those with more than 100 points (vehicles) or 50 points (others)
# train the other outputs. Here all objects with at least one point train all outputs.
train_pipeline = [
    _base_.flip,
    _base_.object_filter,
    {**_base_.crop_scale, **crop_scale},
    _base_.pack,
]
test_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='CropScaleAffine', input_size=input_size, fit='contain'),
    dict(type='PackMono3DInputs'),
]
train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            type='WaymoMonoDataset',
            data_root=data_root,
            metainfo=dict(classes=list(classes))),
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        type='WaymoMonoDataset',
        data_root=data_root,
        metainfo=dict(classes=list(classes)),
        pipeline=test_pipeline))
test_dataloader = val_dataloader

# The official metric, and DEVIANT's, which published monocular figures use.
val_evaluator = dict(_delete_=True, type='WaymoAPMetric', modes=('official', 'deviant'))
test_evaluator = val_evaluator
