# NeWCRFs on KITTI (MetricDepth's table II: AbsRel 0.052, RMSE 2.129, delta1 0.974).
_base_ = [
    '../_base_/datasets/kitti_eigen_depth_wide.py',
    '../_base_/models/newcrfs_swinl.py',
    '../_base_/schedules/newcrfs_depth_20e.py',
    '../_base_/default_runtime.py'
]
# Released code: depth below the range is not learned.
model = dict(decode_head=dict(depth_range=(1.0, _base_.max_depth)))
