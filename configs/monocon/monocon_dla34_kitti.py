# MonoCon on KITTI train/val, with the input size of the other detectors.
_base_ = [
    '../_base_/datasets/kitti_mono3d.py',
    '../_base_/models/monocon_dla34.py',
    '../_base_/schedules/cyclic_200e.py',
    '../_base_/default_runtime.py'
]
# Released code: 2D boxes at least 25 pixels high, objects up to 65 m.
object_filter = dict(min_height=26, depth_range=(2., 65.))
# The published shift of up to 32 pixels, here normally distributed.
crop_scale = dict(scale=0.0, shift=(0.013, 0.043), kept_center='box')
train_pipeline = [
    _base_.flip,
    {**_base_.object_filter, **object_filter},
    {**_base_.crop_scale, **crop_scale},
    dict(type='mmdet.PhotoMetricDistortion'),
    _base_.pack,
]
train_dataloader = dict(
    batch_size=8,
    # Attentive normalisation needs the statistics of at least two images.
    drop_last=True,
    dataset=dict(pipeline=train_pipeline))
