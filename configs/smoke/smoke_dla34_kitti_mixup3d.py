# mmdet3d's SMOKE on KITTI train/val with MonoLSS's MixUp3D.
_base_ = './smoke_dla34_kitti.py'
train_pipeline = [_base_.mixup3d, *_base_.train_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
