# LT on the synthetic set.
# A fourth of the channels and half the input size, from scratch: minutes on a CPU.
_base_ = [
    '../_base_/datasets/synthetic_depth.py',
    '../_base_/models/lt_mobilenetv3.py',
    '../_base_/schedules/synthetic_depth_12e.py',
    '../_base_/default_runtime.py'
]
input_size = (320, 96)
crop_scale = dict(input_size=input_size)
test_scale = dict(input_size=input_size)
train_pipeline = [
    *_base_.load_pipeline,
    _base_.flip,
    {**_base_.crop_scale, **crop_scale},
    _base_.color,
    _base_.pack,
]
test_pipeline = [
    _base_.load_image,
    {**_base_.test_scale, **test_scale},
    _base_.load_depth,
    _base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(
    # Without ImageNet's weights, batch norm in the decode head helps.
    backbone=dict(init_cfg=None),
    decode_head=dict(
        channels=(64, 48, 32, 16), norm_cfg=dict(type='BN'),
        depth_range=(1.0, _base_.max_depth)))
default_hooks = dict(logger=dict(interval=10))
