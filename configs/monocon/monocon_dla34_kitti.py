# MonoCon on KITTI train/val, with the input size of the other detectors.
_base_ = [
    '../_base_/datasets/kitti_mono3d.py',
    '../_base_/models/monocon_dla34.py',
    '../_base_/schedules/cyclic_200e.py',
    '../_base_/default_runtime.py'
]
# Released code: all convolutions of the regression branches start small.
initial_std = 0.001
model = dict(
    dense_head=dict(hidden_std=initial_std),
    object_head=dict(init_cfg=dict(type='Normal', layer='Conv2d', std=initial_std)))
# Released code: 2D boxes at least 25 pixels high, objects from 2 to 65 m.
object_filter = dict(min_height=26, depth_range=(2., 65.))
# Released code: brightness 32, contrast and saturation 0.5 to 1.5, hue 18, mmdet's defaults.
photometric = dict(type='mmdet.PhotoMetricDistortion')
# Released code: half of the images move by up to 32 pixels. Here the shift is normal.
crop_scale = dict(scale=0.0, shift=(0.013, 0.043), kept_center='box')
train_pipeline = [
    photometric,
    _base_.flip,
    {**_base_.object_filter, **object_filter},
    {**_base_.crop_scale, **crop_scale},
    _base_.pack,
]
train_dataloader = dict(
    batch_size=8,
    # Attentive normalisation needs the statistics of at least two images.
    drop_last=True,
    dataset=dict(pipeline=train_pipeline))
