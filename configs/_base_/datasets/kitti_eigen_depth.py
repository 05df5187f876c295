# KITTI's raw images with annotated depth, split of Eigen et al. (2014): 23,158 training frames,
# and the 652 of the 697 test frames that have annotated depth.
data_root = 'data/kitti_depth/'
max_depth = 80.  # metres

load_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='LoadDepthMap'),
]
flip = dict(type='RandomFlipMono3D', prob=0.5)
# Input and augmentation of BTS, also used by NeWCRFs: KITTI's benchmark crop (1216x352, bottom
# centre), rotated by up to 1 degree, windows of 704x352.
crop_rotate = dict(type='CropRotate', region='kitti_benchmark', size=(704, 352), max_angle=1.)
color = dict(type='RandomGammaColor', brightness=(0.9, 1.1))
pack = dict(type='PackMono3DInputs')
train_pipeline = [*load_pipeline, flip, crop_rotate, color, pack]
# Depth is loaded last, so that it keeps the size of the original image.
test_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='CropRotate', region='kitti_benchmark'),
    dict(type='LoadDepthMap'),
    dict(type='PackMono3DInputs'),
]

train_dataloader = dict(
    batch_size=8,  # NeWCRFs
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='KittiEigenDataset',
        data_root=data_root,
        ann_file='splits/eigen_train_files_with_gt.txt',
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='KittiEigenDataset',
        data_root=data_root,
        ann_file='splits/eigen_test_files_with_gt.txt',
        pipeline=test_pipeline,
        test_mode=True))
test_dataloader = val_dataloader

# Depth caps and crop of Garg et al. (2016), as in BTS's evaluation scripts. NeWCRFs' evaluation
# and both trainings use Garg's crop of the benchmark crop: crop=('kitti_benchmark', 'garg').
val_evaluator = dict(type='DepthMetric', min_depth=1e-3, max_depth=max_depth, crop='garg')
test_evaluator = val_evaluator
