# The demo: a slim detector that learns to see synthetic cars on a laptop in
# minutes. `make demo` renders the frames, trains this and writes a report.
_base_ = [
    '../_base_/datasets/kitti_mono3d.py', '../_base_/models/monolss_dla34.py',
    '../_base_/schedules/monolss_600e.py', '../_base_/default_runtime.py'
]
data_root = 'data/synthetic/'
input_size = (640, 192)
load_pipeline = [
    dict(type='LoadImageMono3D', keep_in_memory=True),
    dict(type='LoadAnnotationsMono3D'),
]
train_pipeline = [
    # The published half of the images is too many for a schedule this short
    # (docs/results.md).
    dict(type='MixUp3D', prob=0.1, blend=0.5, max_objects=50),
    dict(type='RandomFlipMono3D', prob=0.5),
    _base_.object_filter,
    dict(type='CropScaleAffine', input_size=input_size, prob=0.5, scale=0.2, shift=0.05),
    dict(type='mmdet.PhotoMetricDistortion'),
    dict(type='PackMono3DInputs'),
]
test_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='CropScaleAffine', input_size=input_size),
    dict(type='PackMono3DInputs'),
]
# On two cores a loading process only gets in the way of the training threads.
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(
        dataset=dict(data_root=data_root, pipeline=load_pipeline), pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=4,
    num_workers=0,
    persistent_workers=False,
    dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader

channels = (32, 64, 128, 256)
model = dict(
    backbone=dict(type='SlimDLANet', out_indices=(1, 2, 3, 4), init_cfg=None),
    neck=dict(in_channels=channels),
    # What the published recipe learns in hundreds of epochs is given here: where
    # boxes start, depth from apparent height, the scale of the viewing rays, and
    # 2D boxes that only 2D losses move.
    dense_head=dict(in_channels=channels[0], hidden_channels=64, prior_size_2d=(16.0, 10.0)),
    roi_head=dict(
        in_channels=channels[0],
        extractor=dict(ray_scale=10.0),
        prior_depth=30.0),
    detach_boxes=True,
    # A short training leaves several peaks on near objects.
    test_cfg=dict(score_threshold=0.05, nms_iou=0.5))

randomness = dict(seed=1404639960)

max_epochs = 29
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
optim_wrapper = dict(
    type='AutocastOptimWrapper',
    paramwise_cfg=None,
    optimizer=dict(lr=2e-3, weight_decay=0., fused=True))
param_scheduler = [
    dict(type='CosineWarmupLR', start_lr=1e-5, begin=0, end=2, by_epoch=True,
         convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=1e-5, begin=2, end=max_epochs, by_epoch=True,
         convert_to_iter_based=True),
]
default_hooks = dict(
    logger=dict(interval=10), checkpoint=dict(interval=4, max_keep_ckpts=2))

# The published schedule warms up for a sixth; a third is short here.
custom_hooks = _base_.custom_hooks + [
    dict(type='SampleSelectionWarmupHook', mode='epoch', start_fraction=0.34)
]
stable_warmup = dict(window=2, tolerance=0.05)
