# GUPNet on KITTI train/val.
_base_ = [
    '../_base_/datasets/kitti_mono3d.py',
    '../_base_/models/gupnet_dla34.py',
    '../_base_/schedules/adam_140e.py',
    '../_base_/default_runtime.py'
]
train_dataloader = dict(batch_size=32)
auto_scale_lr = dict(base_batch_size=32)
custom_hooks = _base_.custom_hooks + [_base_.hierarchical_task]
