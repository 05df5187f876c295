# Eigen's split with the windows of the released NeWCRFs, which are wider than BTS's.
_base_ = './kitti_eigen_depth.py'
train_pipeline = _base_.train_pipeline
next(item for item in train_pipeline if item.type == 'CropRotate').size = (1120, 352)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
