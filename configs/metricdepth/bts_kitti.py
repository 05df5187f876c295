# BTS on KITTI (MetricDepth's table II: AbsRel 0.061, RMSE 2.803, delta1 0.954).
_base_ = [
    '../_base_/datasets/kitti_eigen_depth.py',
    '../_base_/models/bts_resnet50.py',
    '../_base_/schedules/bts_depth_50e.py',
    '../_base_/default_runtime.py'
]
train_dataloader = dict(batch_size=16)
# Released code: depth below the range is not learned.
model = dict(decode_head=dict(depth_range=(1.0, _base_.max_depth),
                              # Pixels; mean focal length of the set (released code).
                              reference_focal=715.0873))
