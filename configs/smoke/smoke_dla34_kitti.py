# mmdet3d's SMOKE on KITTI train/val, with this project's dataset, transforms and metric.
# Deformable convolutions need a GPU. On a CPU add --cfg-options model.neck.use_dcn=False.
_base_ = [
    'mmdet3d::_base_/models/smoke.py', '../_base_/datasets/kitti_mono3d.py',
    '../_base_/default_runtime.py'
]
# The order of SMOKE's mean sizes.
class_names = ['Pedestrian', 'Cyclist', 'Car']
crop_scale = dict(prob=0.3)
train_pipeline = [
    _base_.flip,
    _base_.object_filter,
    {**_base_.crop_scale, **crop_scale},
    _base_.pack,
]
train_dataloader = dict(
    batch_size=8,
    # SMOKE's targets need an object in every image.
    dataset=dict(
        dataset=dict(metainfo=dict(classes=class_names)),
        pipeline=train_pipeline,
        filter_empty_gt=True))
val_dataloader = dict(dataset=dict(metainfo=dict(classes=class_names)))
test_dataloader = val_dataloader

# mmdet3d's schedule of 72 epochs.
max_epochs = 72
train_cfg = dict(type='ResumableEpochLoop', max_epochs=max_epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=2.5e-4))
param_scheduler = [
    dict(type='MultiStepLR', milestones=[50], gamma=0.1, begin=0, end=max_epochs, by_epoch=True)
]
auto_scale_lr = dict(enable=False, base_batch_size=32)
