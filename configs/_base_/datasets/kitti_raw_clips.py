# Clips of KITTI's raw drives: 39,810 training and 4,424 validation frames of Eigen and Zhou's
# split, from which frames of a camera at rest are left out, and the 697 test frames of Eigen et
# al. (2014) with depth from LiDAR scans.
data_root = 'data/kitti_raw/'
input_size = (640, 192)  # width, height; pixels
max_depth = 80.  # metres

load_clip = dict(type='LoadClip')
load_instances = dict(type='LoadClipInstances')
# `tools/create_data.py instances` numbers the instances of each frame anew.
relabel = dict(type='RelabelInstances', match='iou', min_pixels=16)
flip = dict(type='RandomFlipMono3D', prob=0.5)
crop_scale = dict(type='CropScaleAffine', input_size=input_size, fit='width', stride=1)
color = dict(
    type='ClipColorJitter', prob=0.5, brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1)
pack = dict(type='PackMono3DInputs')
train_pipeline = [load_clip, flip, crop_scale, color, pack]
# With masks of instances, which MAL's temporal hint needs.
instance_pipeline = [load_clip, load_instances, flip, crop_scale, relabel, color, pack]
# Depth is loaded last, at the size of the original image.
test_pipeline = [load_clip, crop_scale, dict(type='LoadDepthMap'), pack]

train_dataloader = dict(
    batch_size=12,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='KittiRawClipDataset',
        data_root=data_root,
        ann_file='splits/train_files.txt',
        offsets=(-1, 1),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='KittiRawClipDataset',
        data_root=data_root,
        ann_file='splits/test_files.txt',
        offsets=(-1, ),
        pipeline=test_pipeline,
        test_mode=True))
test_dataloader = val_dataloader

val_evaluator = dict(
    type='DepthMetric', min_depth=1e-3, max_depth=max_depth, crop='garg', median_scaling=True)
test_evaluator = val_evaluator
