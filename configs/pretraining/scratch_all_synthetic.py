# MonoLSS from scratch, all frames of the synthetic set.
# The other configs of this folder change the initialisation of the backbone, the share of the
# frames or the auxiliary losses.
_base_ = '../monolss/monolss_dla34_synthetic.py'
# Two thirds of the width and height of the synthetic set's input: twice as many iterations in the
# same time.
input_size = (416, 128)  # width, height; pixels
crop_scale = dict(input_size=input_size)
train_pipeline = [
    _base_.flip,
    _base_.object_filter,
    {**_base_.crop_scale, **crop_scale},
    _base_.color,
    _base_.pack,
]
test_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='CropScaleAffine', input_size=input_size, fit='width'),
    dict(type='PackMono3DInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader

acceleration = dict(channels_last=True)

max_epochs = 11
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
param_scheduler = [
    dict(type='CosineWarmupLR', start_lr=1e-5, begin=0, end=2, by_epoch=True,
         convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=1e-5, begin=2, end=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
