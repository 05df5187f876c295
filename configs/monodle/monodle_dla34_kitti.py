# MonoDLE on KITTI train/val, cars alone as in the paper.
_base_ = [
    '../_base_/datasets/kitti_mono3d.py',
    '../_base_/models/monodle_dla34.py',
    '../_base_/schedules/adam_140e.py',
    '../_base_/default_runtime.py'
]
# Sizes are absolute, so no mean sizes are needed.
classes = dict(Car=None)
object_filter = dict(depth_range=(2., 65.))
train_pipeline = [
    _base_.flip,
    {**_base_.object_filter, **object_filter},
    _base_.crop_scale,
    _base_.pack,
]
train_dataloader = dict(
    # Released code: frames that do not fill a batch are left out in that epoch.
    drop_last=True,
    dataset=dict(
        dataset=dict(metainfo=dict(classes=list(classes))), pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(metainfo=dict(classes=list(classes))))
test_dataloader = val_dataloader
model = dict(
    dense_head=dict(num_classes=len(classes)), coder=dict(class_names=list(classes)))
