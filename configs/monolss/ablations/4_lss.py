# Learnable Sample Selection (LSS), no MixUp3D
_base_ = '../monolss_dla34_{{$ABLATION_DATA:kitti}}.py'
mixup3d = dict(prob=0.0)
train_pipeline = [{**_base_.mixup3d, **mixup3d}, *_base_.unmixed_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
