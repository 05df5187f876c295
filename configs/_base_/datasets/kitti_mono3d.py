# KITTI object detection, train/val split of 3,712 and 3,769 frames.
data_root = 'data/kitti/'
class_names = ['Pedestrian', 'Car', 'Cyclist']
input_size = (1280, 384)  # width, height; pixels
# For detectors that also learn from dense depth (docs/data.md).
data_prefix_with_depth = dict(
    img='training/image_2', label='training/label_2', calib='training/calib',
    depth='training/depth_2')

# Transforms of the training pipeline. Derived configs change them by name.
flip = dict(type='RandomFlipMono3D', prob=0.5)
# Filter of GUPNet, DID-M3D and MonoLSS: objects that are too small, truncated, occluded or near
# are not learned. MonoDLE and MonoCon also leave out objects beyond 65 m.
object_filter = dict(
    type='FilterObjects', min_height=25, max_truncation=0.5, max_occlusion=2,
    depth_range=(2., 1000.))
# Published recipes fit the width of the image: 1280x384 shows 99 % of a KITTI image.
crop_scale = dict(
    type='CropScaleAffine', input_size=input_size, fit='width', prob=0.5, scale=0.4, shift=0.1)
pack = dict(type='PackMono3DInputs')
# MonoLSS's, with the constants of its released code. Configs that use it put it first.
mixup3d = dict(type='MixUp3D', prob=0.5, blend=0.5, max_objects=50)

load_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='LoadAnnotationsMono3D'),
]
train_pipeline = [flip, object_filter, crop_scale, pack]
test_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='CropScaleAffine', input_size=input_size, fit='width'),
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
