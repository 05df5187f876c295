# Single-frame depth on Cityscapes.
_base_ = [
    '../_base_/datasets/cityscapes_clips.py',
    '../_base_/models/clip_depth_resnet18.py',
    '../_base_/schedules/manydepth_20e.py',
    '../_base_/default_runtime.py'
]
model = {**_base_.single_frame, 'data_preprocessor': _base_.clip_preprocessor}
