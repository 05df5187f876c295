# LT on KITTI, table II of MetricDepth: AbsRel 0.071, RMSE 2.716, delta1 0.943.
_base_ = [
    '../_base_/datasets/kitti_eigen_depth.py',
    '../_base_/models/lt_mobilenetv3.py',
    '../_base_/schedules/newcrfs_depth_20e.py',
    '../_base_/default_runtime.py'
]
# Windows of the released NeWCRFs are wider than BTS's.
train_pipeline = _base_.train_pipeline
next(item for item in train_pipeline if item.type == 'CropRotate').size = (1120, 352)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
# Released code: nearer depth is not learned.
model = dict(decode_head=dict(depth_range=(1.0, _base_.max_depth)))
