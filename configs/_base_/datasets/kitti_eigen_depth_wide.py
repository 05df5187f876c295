# KITTI with annotated depth and the windows of the released NeWCRFs, which are wider than BTS's.
_base_ = './kitti_eigen_depth.py'
crop_rotate = dict(size=(1120, 352))
train_pipeline = [
    *_base_.load_pipeline,
    _base_.flip,
    {**_base_.crop_rotate, **crop_rotate},
    _base_.color,
    _base_.pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
