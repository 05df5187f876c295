# Multi-frame depth with MAL's distillation hint, fine-tuned from ManyDepth on KITTI.
_base_ = './mal_kitti.py'
train_dataloader = dict(
    dataset=dict(
        data_prefix=dict(_delete_=True, img='raw'),
        pipeline=_base_.train_pipeline))
model = dict(instances=None, loss=dict(temporal=False))
