# Learnable Sample Selection
_base_ = '../monolss_dla34_{{$ABLATION_DATA:kitti}}.py'
train_dataloader = _base_.train_dataloader
train_dataloader.dataset.pipeline[0].prob = 0.0
