# BTS with MetricDepth on KITTI (table II: AbsRel 0.060, RMSE 2.762, delta1 0.955).
_base_ = ['./bts_kitti.py', '../_base_/auxiliaries/dense_multi_range.py']
multi_range = _base_.multi_range
multi_range.loss.strategy.update(ranges=[(1.0, 5.0), (5.0, 10.0)], margins=[1.0, 1.5])
model = dict(auxiliary=[multi_range])
