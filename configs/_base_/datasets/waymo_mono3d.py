# Waymo's front camera, as `tools/create_data.py waymo` converts it: every third training
# frame (--every 3), all validation frames. Input and augmentation are DEVIANT's.
_base_ = './kitti_mono3d.py'
data_root = 'data/waymo_mono/'
class_names = ['Pedestrian', 'Vehicle', 'Cyclist']
input_size = (768, 512)

# Waymo has neither truncation nor occlusion. DEVIANT draws objects with few LiDAR points
# in the heatmap, but regresses those with more than 100 (vehicles) or 50 only; here all
# with a point are learned.
train_pipeline = [
    dict(type='RandomFlipMono3D', prob=0.5),
    _base_.object_filter,
    dict(type='CropScaleAffine', input_size=input_size, prob=0.5, scale=0.4, shift=0.1),
    dict(type='PackMono3DInputs'),
]
test_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='CropScaleAffine', input_size=input_size),
    dict(type='PackMono3DInputs'),
]
train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            type='WaymoMonoDataset',
            data_root=data_root,
            metainfo=dict(classes=class_names)),
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        type='WaymoMonoDataset',
        data_root=data_root,
        metainfo=dict(classes=class_names),
        pipeline=test_pipeline))
test_dataloader = val_dataloader

# Height, width, length in metres (DEVIANT's released code).
mean_sizes = dict(
    Pedestrian=(1.7431, 0.8494, 0.9110),
    Vehicle=(1.8032, 2.1036, 4.8104),
    Cyclist=(1.7336, 0.8230, 1.7530))
# The official metric and the one of the published monocular numbers, named apart.
val_evaluator = dict(_delete_=True, type='WaymoAPMetric', modes=('official', 'deviant'))
test_evaluator = val_evaluator
