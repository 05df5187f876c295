# LT on KITTI (MetricDepth's table II: AbsRel 0.071, RMSE 2.716, delta1 0.943).
_base_ = [
    '../_base_/datasets/kitti_eigen_depth_wide.py',
    '../_base_/models/lt_mobilenetv3.py',
    '../_base_/schedules/newcrfs_depth_20e.py',
    '../_base_/default_runtime.py'
]
# Released code: depth below the range is not learned.
model = dict(decode_head=dict(depth_range=(1.0, _base_.max_depth)))
