# MonoDLE on KITTI train/val: cars alone, as published.
_base_ = [
    '../_base_/datasets/kitti_mono3d.py',
    '../_base_/models/monodle_dla34.py',
    '../_base_/schedules/adam_140e.py',
    '../_base_/default_runtime.py'
]
class_names = ['Car']
object_filter = dict(depth_range=(2., 65.))
train_pipeline = [
    dict(type='RandomFlipMono3D', prob=0.5),
    {**_base_.object_filter, **object_filter},
    dict(type='CropScaleAffine', input_size=_base_.input_size, prob=0.5, scale=0.4, shift=0.1),
    dict(type='PackMono3DInputs'),
]
train_dataloader = dict(
    dataset=dict(dataset=dict(metainfo=dict(classes=class_names)), pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(metainfo=dict(classes=class_names)))
test_dataloader = val_dataloader
model = dict(dense_head=dict(num_classes=1), coder=dict(class_names=class_names))
