# MonoDLE on KITTI with the arithmetic of the authors' released code, for their checkpoints.
# docs/configuration.md lists the differences. tools/import_checkpoint.py converts a checkpoint.
_base_ = ['./monodle_dla34_kitti.py', '../_base_/models/released_heads.py']

# One switch for the model, the datasets and the crops, which have to agree.
reference = True
# Released code: the heatmap has three classes, and training keeps cars alone.
class_names = ['Pedestrian', 'Car', 'Cyclist']
classes = dict(_delete_=True, **dict.fromkeys(class_names))
trained_labels = [class_names.index('Car')]
model = dict(
    reference=reference,
    dense_head=dict(num_classes=len(class_names), init_cfg=_base_.dense_init),
    object_head=dict(init_cfg=dict(type='Normal', layer='Conv2d', std=0.001)),
    coder=dict(class_names=class_names),
    # Released code: headings are learned from the angles of the labels.
    assigner=dict(label_alphas=True))
load_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='LoadAnnotationsMono3D', alphas=True),
]
train_pipeline = [
    _base_.flip,
    {**_base_.object_filter, 'labels': trained_labels},
    {**_base_.crop_scale, 'reference': reference},
    _base_.pack,
]
test_pipeline = [
    dict(type='LoadImageMono3D'),
    dict(type='CropScaleAffine', input_size=_base_.input_size, fit='width',
         reference=reference),
    _base_.pack,
]
train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            metainfo=dict(classes=class_names), reference=reference, pipeline=load_pipeline),
        pipeline=train_pipeline))
val_dataloader = dict(
    dataset=dict(
        metainfo=dict(classes=class_names), reference=reference, pipeline=test_pipeline))
test_dataloader = val_dataloader
# Released code: 2D boxes may reach beyond the image.
val_evaluator = dict(clip_boxes=False)
test_evaluator = val_evaluator
# Weight decay on everything except biases.
optim_wrapper = dict(
    paramwise_cfg=dict(_delete_=True, **_base_.decayed_except_biases))
