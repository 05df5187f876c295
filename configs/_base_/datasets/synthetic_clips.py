# Rendered clips with known camera motion, instance masks and depth:
# python tools/create_data.py synthetic --out data/synthetic_clips --num-train 2000 --num-val 300 \
#     --sequence-length 5 --size 640x192
data_root = 'data/synthetic_clips/'
input_size = (320, 96)  # width, height; pixels
max_depth = 80.  # metres

load_clip = dict(type='LoadClip')
load_instances = dict(type='LoadClipInstances')
# An object has the same number in all frames of a clip.
relabel = dict(type='RelabelInstances', match='id', min_pixels=8)
flip = dict(type='RandomFlipMono3D', prob=0.5)
crop_scale = dict(type='CropScaleAffine', input_size=input_size, fit='width', stride=1)
color = dict(
    type='ClipColorJitter', prob=0.5, brightness=0.2, contrast=0.2, saturation=0.2, hue=0.1)
pack = dict(type='PackMono3DInputs')
load_pipeline = [{**load_clip, 'keep_in_memory': True}, load_instances]
train_pipeline = [*load_pipeline, flip, crop_scale, relabel, color, pack]
# Depth and the target's instances are loaded last, at the size of the original image.
load_truth = [dict(type='LoadDepthMap'), dict(type='LoadClipInstances', target_only=True)]
test_pipeline = [load_clip, crop_scale, *load_truth, pack]

# On two cores a data worker slows the training threads down.
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=False,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='SyntheticClipDataset',
        data_root=data_root,
        ann_file='ImageSets/train.txt',
        offsets=(-1, 1),
        min_translation=0.1,  # metres per frame; a camera at rest shows no depth
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=False,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='SyntheticClipDataset',
        data_root=data_root,
        ann_file='ImageSets/val.txt',
        offsets=(-1, ),
        missing='single',
        pipeline=test_pipeline,
        test_mode=True))
test_dataloader = val_dataloader

val_evaluator = [
    dict(type='DepthMetric', min_depth=1e-3, max_depth=max_depth, crop='garg',
         median_scaling=True),
    dict(type='InstanceDepthMetric', classes=('Car', 'Van'), max_depth=max_depth, crop='garg',
         median_scaling=True),
]
test_evaluator = val_evaluator
