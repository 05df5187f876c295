# NeWCRFs on NYU Depth V2 (MetricDepth's table I: AbsRel 0.089, RMSE 0.321, delta1 0.930).
_base_ = [
    '../_base_/datasets/nyu_depth.py',
    '../_base_/models/newcrfs_swinl.py',
    '../_base_/schedules/newcrfs_depth_20e.py',
    '../_base_/default_runtime.py'
]
# Released code: depth below the range is not learned.
model = dict(decode_head=dict(depth_range=(0.1, _base_.max_depth)))
