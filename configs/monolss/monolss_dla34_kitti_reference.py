# MonoLSS with the arithmetic of the authors' released code in every place where this
# project's differs (docs/configuration.md lists them): for their checkpoints
# (tools/import_checkpoint.py) and for training as they did.
_base_ = './monolss_dla34_kitti.py'

train_dataloader = _base_.train_dataloader
train_dataloader.dataset.dataset.reference = True
next(item for item in train_dataloader.dataset.pipeline
     if item.type == 'CropScaleAffine').reference = True
val_dataloader = dict(dataset=dict(reference=True))
test_dataloader = val_dataloader
model = dict(reference=True, object_head=dict(depth_head=dict(reduction='largest_logit')))
# Weight decay on all but biases.
optim_wrapper = dict(
    paramwise_cfg=dict(_delete_=True, custom_keys={'.bias': dict(decay_mult=0.)}))
