# Multi-frame depth with MAL's distillation hint, fine-tuned from ManyDepth on Cityscapes.
_base_ = './mal_cityscapes.py'
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(_delete_=True, img='leftImg8bit_sequence', camera='camera'),
        pipeline=_base_.train_pipeline))
model = dict(instances=None, loss=dict(temporal=False))
