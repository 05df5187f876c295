# mmdet3d's PGD on this project's dataset and metric. Its deformable convolutions need a
# GPU; on a CPU add --cfg-options model.bbox_head.dcn_on_last_conv=False.
_base_ = 'mmdet3d::pgd/pgd_r101-caffe_fpn_head-gn_4xb3-4x_kitti-mono3d.py'
data_root = 'data/kitti/'
# The order of PGD's base sizes.
class_names = ['Pedestrian', 'Cyclist', 'Car']
train_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='LoadAnnotationsMono3D'),
    dict(type='RandomFlipMono3D', prob=0.5),
    # PGD projects to input pixels with the camera of the file: the scale stays 1.
    dict(type='mmdet.Resize', scale_factor=1.0),
    dict(type='PackMono3DInputs'),
]
test_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='mmdet.Resize', scale_factor=1.0),
    dict(type='PackMono3DInputs'),
]
frames = dict(
    _delete_=True,
    type='KittiMonoDataset',
    data_root=data_root,
    metainfo=dict(classes=class_names))
train_dataloader = dict(
    dataset=dict(**frames, ann_file='ImageSets/train.txt', pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(**frames, ann_file='ImageSets/val.txt', pipeline=test_pipeline,
                 test_mode=True))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='KittiAPMetric')
test_evaluator = val_evaluator

custom_imports = dict(
    imports=[
        'mmdet3d_plugin.datasets', 'mmdet3d_plugin.models', 'mmdet3d_plugin.engine',
        'mmdet3d_plugin.evaluation'
    ],
    allow_failed_imports=False)
custom_hooks = [
    dict(type='PlainCheckpointHook'),
    dict(type='ProgressBarHook'),
    dict(type='DrawFramesHook', max_frames=12),
]
