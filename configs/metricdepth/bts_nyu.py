# BTS on NYU Depth V2 (MetricDepth's table I: AbsRel 0.119, RMSE 0.419, delta1 0.865).
_base_ = [
    '../_base_/datasets/nyu_depth.py',
    '../_base_/models/bts_resnet50.py',
    '../_base_/schedules/bts_depth_50e.py',
    '../_base_/default_runtime.py'
]
train_dataloader = dict(batch_size=16)
# Released code: depth below the range is not learned.
model = dict(decode_head=dict(depth_range=(0.1, _base_.max_depth)))
