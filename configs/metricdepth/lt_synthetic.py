# LT alone, on the synthetic set
# A fourth of the widths and half the resolution, from scratch: minutes on a CPU.
_base_ = [
    '../_base_/datasets/synthetic_depth.py',
    '../_base_/models/lt_mobilenetv3.py',
    '../_base_/schedules/synthetic_depth_12e.py',
    '../_base_/default_runtime.py'
]
input_size = (320, 96)
train_pipeline, test_pipeline = _base_.train_pipeline, _base_.test_pipeline
for pipeline in (train_pipeline, test_pipeline):
    next(item for item in pipeline if item.type == 'CropScaleAffine').input_size = input_size
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(
    # Without ImageNet's weights, batch norm in the decoder helps.
    backbone=dict(init_cfg=None),
    decode_head=dict(
        channels=(64, 48, 32, 16), norm_cfg=dict(type='BN'),
        depth_range=(1.0, _base_.max_depth)))
default_hooks = dict(
    logger=dict(interval=10), checkpoint=dict(interval=6, max_keep_ckpts=2))
