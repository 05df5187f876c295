# Clips of Cityscapes' sequences without the bottom quarter of the images. Depth of the 1,525 test
# frames comes from disparity; their previous frame is the one before the last.
data_root = 'data/cityscapes/'
input_size = (512, 192)  # width, height; pixels
max_depth = 80.  # metres

load_clip = dict(type='LoadClip')
load_instances = dict(type='LoadClipInstances')
# `tools/create_data.py instances` numbers the instances of each frame anew.
relabel = dict(type='RelabelInstances', match='iou', min_pixels=16)
flip = dict(type='RandomFlipMono3D', prob=0.5)
crop_bonnet = dict(type='CropRotate', region='cityscapes_top')
crop_scale = dict(type='CropScaleAffine', input_size=input_size, fit='width', stride=1)
color = dict(
    type='ClipColorJitter', prob=0.5, brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1)
pack = dict(type='PackMono3DInputs')
train_pipeline = [load_clip, flip, crop_bonnet, crop_scale, color, pack]
# With masks of instances, which MAL's temporal hint needs.
instance_pipeline = [
    load_clip, load_instances, flip, crop_bonnet, crop_scale, relabel, color, pack
]
# Depth is loaded last, at the size of the original image.
test_pipeline = [load_clip, crop_bonnet, crop_scale, dict(type='LoadDepthMap'), pack]

train_dataloader = dict(
    batch_size=12,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CityscapesClipDataset',
        data_root=data_root,
        split='train',
        offsets=(-1, 1),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CityscapesClipDataset',
        data_root=data_root,
        data_prefix=dict(img='leftImg8bit_sequence', camera='camera', depth='disparity'),
        split='test',
        offsets=(-2, ),
        pipeline=test_pipeline,
        test_mode=True))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='DepthMetric', min_depth=1e-3, max_depth=max_depth,
    crop=('cityscapes_top', 'cityscapes'), median_scaling=True)
test_evaluator = val_evaluator
