# MonoLSS on KITTI train/val, with Learnable Sample Selection and MixUp3D.
_base_ = [
    '../_base_/datasets/kitti_mono3d.py',
    '../_base_/models/monolss_dla34.py',
    '../_base_/schedules/monolss_600e.py',
    '../_base_/default_runtime.py'
]
unmixed_pipeline = _base_.train_pipeline
train_pipeline = [_base_.mixup3d, *unmixed_pipeline]
# Released code: frames that do not fill a batch are left out in that epoch.
train_dataloader = dict(drop_last=True, dataset=dict(pipeline=train_pipeline))
custom_hooks = _base_.custom_hooks + [
    _base_.hierarchical_task, _base_.sample_selection_warmup
]
