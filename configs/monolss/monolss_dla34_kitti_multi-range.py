# MonoLSS on KITTI with MetricDepth's loss on object-wise depth.
_base_ = ['./monolss_dla34_kitti.py', '../_base_/auxiliaries/multi_range.py']
model = dict(auxiliary=[_base_.multi_range])
