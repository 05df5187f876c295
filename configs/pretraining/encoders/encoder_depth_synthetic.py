# Encoder from dense depth of the synthetic set, a slim DLA.
_base_ = '../../metricdepth/lt_synthetic.py'
# The size at which the detector sees the frames.
input_size = (416, 128)  # width, height; pixels
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
    backbone=dict(
        _delete_=True, type='SlimDLANet', out_indices=(0, 1, 2, 3, 4),
        norm_cfg=dict(type='BN')),
    decode_head=dict(in_channels=(16, 32, 64, 128, 256)))
optim_wrapper = dict(type='AutocastOptimWrapper')
acceleration = dict(channels_last=True)
