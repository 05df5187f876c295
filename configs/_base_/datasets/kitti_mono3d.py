# KITTI object detection, train/val split of 3,712 / 3,769 frames.
data_root = 'data/kitti/'
class_names = ['Pedestrian', 'Car', 'Cyclist']
input_size = (1280, 384)  # width, height; pixels
# With dense depth beside the images (docs/data.md).
data_prefix_with_depth = dict(
    img='training/image_2', label='training/label_2', calib='training/calib',
    depth='training/depth_2')

# The recipe of GUPNet, DID-M3D and MonoLSS: objects that are too small, cut, hidden or
# near are not learned. MonoDLE and MonoCon leave out those beyond 65 m as well.
object_filter = dict(
    type='FilterObjects', min_height=25, max_truncation=0.5, max_occlusion=2,
    depth_range=(2., 1000.))
load_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='LoadAnnotationsMono3D'),
]
train_pipeline = [
    dict(type='RandomFlipMono3D', prob=0.5),
    object_filter,
    dict(type='CropScaleAffine', input_size=input_size, prob=0.5, scale=0.4, shift=0.1),
    dict(type='PackMono3DInputs'),
]
test_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='CropScaleAffine', input_size=input_size),
    dict(type='PackMono3DInputs'),
]

train_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='MixImageDataset',
        dataset=dict(
            type='KittiMonoDataset',
            data_root=data_root,
            ann_file='ImageSets/train.txt',
            metainfo=dict(classes=class_names),
            pipeline=load_pipeline,
            filter_empty_gt=False),
        pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='KittiMonoDataset',
        data_root=data_root,
        ann_file='ImageSets/val.txt',
        metainfo=dict(classes=class_names),
        pipeline=test_pipeline,
        test_mode=True))
test_dataloader = val_dataloader

val_evaluator = dict(type='KittiAPMetric')
test_evaluator = val_evaluator
