# DID-M3D on KITTI train/val.
# Needs completed LiDAR depth of the training frames in training/depth_2 (docs/data.md).
_base_ = [
    '../_base_/datasets/kitti_mono3d.py',
    '../_base_/models/didm3d_dla34.py',
    '../_base_/schedules/adam_150e.py',
    '../_base_/default_runtime.py'
]
train_dataloader = dict(
    # Released code: frames that do not fill a batch are left out in that epoch.
    drop_last=True,
    dataset=dict(
        dataset=dict(
            data_prefix=_base_.data_prefix_with_depth,
            pipeline=[*_base_.load_pipeline, dict(type='LoadDepthMap')])))
custom_hooks = _base_.custom_hooks + [_base_.hierarchical_task]
