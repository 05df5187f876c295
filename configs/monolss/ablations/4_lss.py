# Learnable Sample Selection
_base_ = '../monolss_dla34_{{$ABLATION_DATA:kitti}}.py'
train_dataloader = _base_.train_dataloader
next(item for item in train_dataloader.dataset.pipeline if item.type == 'MixUp3D').prob = 0.0
