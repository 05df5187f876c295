# MonoCon on KITTI train/val, in the width-fitted input of the other baselines.
_base_ = [
    '../_base_/datasets/kitti_mono3d.py',
    '../_base_/models/monocon_dla34.py',
    '../_base_/schedules/cyclic_200e.py',
    '../_base_/default_runtime.py'
]
# Released code: boxes of 25 pixels and more, objects up to 65 m.
object_filter = dict(min_height=26, depth_range=(2., 65.))
train_pipeline = [
    dict(type='RandomFlipMono3D', prob=0.5),
    {**_base_.object_filter, **object_filter},
    # The published shift of up to 32 pixels, here of normal distribution.
    dict(type='CropScaleAffine', input_size=_base_.input_size, prob=0.5, scale=0.0,
         shift=(0.013, 0.043), kept_center='box'),
    dict(type='mmdet.PhotoMetricDistortion'),
    dict(type='PackMono3DInputs'),
]
train_dataloader = dict(
    batch_size=8,
    # Attentive normalisation has no statistics of one image.
    drop_last=True,
    dataset=dict(pipeline=train_pipeline))
