# mmdet3d's PGD on KITTI train/val, with this project's dataset, transforms and metric.
# Deformable convolutions need a GPU. On a CPU add
# --cfg-options model.bbox_head.dcn_on_last_conv=False.
_base_ = [
    '../_base_/datasets/kitti_mono3d.py',
    '../_base_/models/pgd_r101.py',
    '../_base_/schedules/sgd_48e.py',
    '../_base_/default_runtime.py'
]
# The order of PGD's base sizes.
class_names = ['Pedestrian', 'Cyclist', 'Car']
# PGD projects to input pixels with the camera of the file, so the scale has to stay 1.
resize = dict(type='mmdet.Resize', scale_factor=1.0)
train_pipeline = [*_base_.load_pipeline, _base_.flip, resize, _base_.pack]
test_pipeline = [dict(type='LoadImageMono3D'), resize, _base_.pack]
train_dataloader = dict(
    batch_size=3,
    num_workers=3,
    # Frames are not mixed, so MixImageDataset is not needed.
    dataset=dict(
        _delete_=True,
        type='KittiMonoDataset',
        data_root=_base_.data_root,
        ann_file='ImageSets/train.txt',
        metainfo=dict(classes=class_names),
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(metainfo=dict(classes=class_names), pipeline=test_pipeline))
test_dataloader = val_dataloader
