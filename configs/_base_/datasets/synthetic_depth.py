# Dense depth of the synthetic set, see synthetic_mono3d.py.
data_root = 'data/synthetic/'
input_size = (640, 192)  # width, height; pixels
max_depth = 80.  # metres

load_image = dict(type='LoadImageMono3D')
load_depth = dict(type='LoadDepthMap')
flip = dict(type='RandomFlipMono3D', prob=0.5)
# scale_depth divides depth by the zoom, since the networks do not see the camera.
crop_scale = dict(
    type='CropScaleAffine', input_size=input_size, fit='width', prob=0.5, scale=0.2, shift=0.05,
    stride=1, scale_depth=True)
color = dict(type='RandomGammaColor')
test_scale = dict(type='CropScaleAffine', input_size=input_size, fit='width')
pack = dict(type='PackMono3DInputs')
load_pipeline = [{**load_image, 'keep_in_memory': True}, load_depth]
train_pipeline = [*load_pipeline, flip, crop_scale, color, pack]
# Depth is loaded last, so that it keeps the size of the original image.
test_pipeline = [load_image, test_scale, load_depth, pack]

# On two cores a data worker slows the training threads down.
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='SyntheticDepthDataset',
        data_root=data_root,
        ann_file='ImageSets/train.txt',
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=False,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='SyntheticDepthDataset',
        data_root=data_root,
        ann_file='ImageSets/val.txt',
        pipeline=test_pipeline,
        test_mode=True))
test_dataloader = val_dataloader

val_evaluator = dict(type='DepthMetric', min_depth=1e-3, max_depth=max_depth, crop='garg')
test_evaluator = val_evaluator
