# Multi-frame depth without MAL on Cityscapes: ManyDepth.
_base_ = [
    '../_base_/datasets/cityscapes_clips.py',
    '../_base_/models/clip_depth_resnet18.py',
    '../_base_/schedules/manydepth_20e.py',
    '../_base_/default_runtime.py'
]
model = {**_base_.multi_frame, 'data_preprocessor': _base_.clip_preprocessor}
# From this epoch on the student alone is trained (Watson et al., 2021).
custom_hooks = [*_base_.custom_hooks, dict(type='FreezeTeacherHook', epoch=5)]
