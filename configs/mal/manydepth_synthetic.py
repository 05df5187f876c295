# Multi-frame depth without MAL on rendered clips.
_base_ = [
    '../_base_/datasets/synthetic_clips.py',
    '../_base_/models/clip_depth_slim.py',
    '../_base_/schedules/synthetic_clips_8e.py',
    '../_base_/default_runtime.py'
]
model = {**_base_.multi_frame, 'data_preprocessor': _base_.clip_preprocessor}
default_hooks = dict(logger=dict(interval=10))
