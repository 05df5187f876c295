# MonoLSS on KITTI train/val: Learnable Sample Selection and MixUp3D.
_base_ = [
    '../_base_/datasets/kitti_mono3d.py',
    '../_base_/models/monolss_dla34.py',
    '../_base_/schedules/monolss_600e.py',
    '../_base_/default_runtime.py'
]
train_pipeline = [
    dict(type='MixUp3D', prob=0.5, blend=0.5, max_objects=50),
    *_base_.train_pipeline,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
custom_hooks = _base_.custom_hooks + [
    _base_.hierarchical_task, _base_.sample_selection_warmup
]
