# NYU Depth V2, split of Eigen et al. (2014): 24,231 synchronised training frames (BTS's selection
# from the raw videos) and 654 test frames.
data_root = 'data/nyu/'
max_depth = 10.  # metres

# Input and augmentation of BTS, also used by NeWCRFs: the frame inside the blank border, rotated
# by up to 2.5 degrees, windows of 544x416.
train_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='LoadDepthMap'),
    dict(type='RandomFlipMono3D', prob=0.5),
    dict(type='CropRotate', region='nyu_frame', size=(544, 416), max_angle=2.5),
    dict(type='RandomGammaColor', brightness=(0.75, 1.25)),
    dict(type='PackMono3DInputs'),
]
test_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='LoadDepthMap'),
    dict(type='PackMono3DInputs'),
]

train_dataloader = dict(
    batch_size=8,  # NeWCRFs
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='NYUDepthDataset',
        data_root=data_root,
        ann_file='splits/nyudepthv2_train_files_with_gt.txt',
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='NYUDepthDataset',
        data_root=data_root,
        ann_file='splits/nyudepthv2_test_files_with_gt.txt',
        data_prefix=dict(img='official_splits/test', depth='official_splits/test'),
        pipeline=test_pipeline,
        test_mode=True))
test_dataloader = val_dataloader

# The same test frames, read from nyu_depth_v2_labeled.mat. In a config of your own:
# val_dataloader = dict(dataset=dict(_delete_=True, **_base_.labelled_test)).
labelled_test = dict(
    type='NYULabelledDataset',
    data_root=data_root,
    ann_file='splits/labelled_test.txt',
    pipeline=test_pipeline,
    test_mode=True)

# Depth caps of BTS, crop of Eigen et al. for NYU.
val_evaluator = dict(type='DepthMetric', min_depth=1e-3, max_depth=max_depth, crop='nyu')
test_evaluator = val_evaluator
