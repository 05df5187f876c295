# SMOKE with MixUp3D: does it help a detector that it was not made for?
_base_ = './smoke_dla34_kitti.py'
train_dataloader = _base_.train_dataloader
train_dataloader.dataset.pipeline.insert(
    0, dict(type='MixUp3D', prob=0.5, blend=0.5, max_objects=50))
