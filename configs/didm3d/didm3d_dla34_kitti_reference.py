# DID-M3D on KITTI with the arithmetic of the authors' released code, for their checkpoints.
# docs/configuration.md lists the differences. tools/import_checkpoint.py converts a checkpoint.
_base_ = ['./didm3d_dla34_kitti.py', '../_base_/models/released_heads.py']

# One switch for the model, the datasets and the crops, which have to agree.
reference = True
model = dict(
    reference=reference,
    dense_head=dict(init_cfg=_base_.dense_init),
    object_head=dict(
        init_cfg=_base_.object_init,
        # Released code: unknown depth counts as 0 m in the interpolation.
        depth_head=dict(min_known_share=0.0)))
train_pipeline = [
    _base_.flip,
    _base_.object_filter,
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
    dataset=dict(dataset=dict(reference=reference), pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(reference=reference, pipeline=test_pipeline))
test_dataloader = val_dataloader
# Released code: 2D boxes may reach beyond the image.
val_evaluator = dict(clip_boxes=False)
test_evaluator = val_evaluator
# Weight decay on everything except biases.
optim_wrapper = dict(
    paramwise_cfg=dict(_delete_=True, **_base_.decayed_except_biases))
