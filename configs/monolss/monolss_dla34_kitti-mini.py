# MonoLSS trained and validated on the same ten real frames, at data/kitti-mini in KITTI's layout.
# Checks that data, geometry, losses and decoding fit together. Does not measure generalisation.
#   python tools/train.py configs/monolss/monolss_dla34_kitti-mini.py --amp
_base_ = [
    '../_base_/datasets/kitti_mono3d.py', '../_base_/models/monolss_dla34.py',
    '../_base_/schedules/monolss_600e.py', '../_base_/default_runtime.py'
]
data_root = 'data/kitti-mini/'
# Half the published input size, so that 400 steps take minutes on a CPU.
input_size = (640, 192)
train_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='LoadAnnotationsMono3D'),
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
    batch_size=5,
    num_workers=1,
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times=10,
        dataset=dict(
            type='KittiMonoDataset',
            data_root=data_root,
            ann_file='ImageSets/trainval.txt',
            metainfo=dict(classes=_base_.class_names),
            pipeline=train_pipeline,
            filter_empty_gt=False)))
# KITTI's AP samples 41 recalls, with at least one detection each. The 12 moderate cars of ten
# frames therefore reach at most 11/40 = 27.5. Repeating the frames four times lifts this bound
# and changes neither precision nor recall.
val_dataloader = dict(
    num_workers=1,
    dataset=dict(
        _delete_=True,
        type='RepeatDataset',
        times=4,
        dataset=dict(
            type='KittiMonoDataset',
            data_root=data_root,
            ann_file='ImageSets/trainval.txt',
            metainfo=dict(classes=_base_.class_names),
            pipeline=test_pipeline,
            test_mode=True)))
test_dataloader = val_dataloader

# From scratch, with the start values of configs/_base_/models/slim.py.
model = dict(
    backbone=dict(init_cfg=None),
    dense_head=dict(prior_size_2d=(16.0, 10.0)),
    object_head=dict(
        extractor=dict(ray_scale=10.0),
        depth_head=dict(
            sample_selector=dict(_delete_=True, type='AllSamples'), prior_depth=30.0)),
    detach_boxes=True,
    test_cfg=dict(heatmap_threshold=0.05))

# 20 epochs of 20 steps.
max_epochs = 20
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
param_scheduler = [
    dict(type='CosineWarmupLR', start_lr=1e-5, begin=0, end=2, by_epoch=True,
         convert_to_iter_based=True),
    dict(type='MultiStepLR', milestones=[14, 18], gamma=0.1, begin=0, end=max_epochs,
         by_epoch=True),
]
default_hooks = dict(logger=dict(interval=20))
