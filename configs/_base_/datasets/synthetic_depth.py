# The dense depth of the set of `tools/create_data.py synthetic` or `make demo`, for minutes on
# a CPU.
data_root = 'data/synthetic/'
input_size = (640, 192)  # width, height; pixels
max_depth = 80.  # metres

# Zoom is told to depth, since the networks see no camera.
train_pipeline = [
    dict(type='LoadImageMono3D', keep_in_memory=True),
    dict(type='LoadDepthMap'),
    dict(type='RandomFlipMono3D', prob=0.5),
    dict(type='CropScaleAffine', input_size=input_size, prob=0.5, scale=0.2, shift=0.05,
         stride=1, scale_depth=True),
    dict(type='RandomGammaColor'),
    dict(type='PackMono3DInputs'),
]
# Depth comes last, so that it stays that of the original image.
test_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='CropScaleAffine', input_size=input_size),
    dict(type='LoadDepthMap'),
    dict(type='PackMono3DInputs'),
]

# On two cores a loading process only gets in the way of the training threads.
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
