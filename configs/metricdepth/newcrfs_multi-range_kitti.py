# NeWCRFs with MetricDepth on KITTI (table II: AbsRel 0.050, RMSE 2.049, delta1 0.975).
_base_ = ['./newcrfs_kitti.py', '../_base_/auxiliaries/dense_multi_range.py']
multi_range = _base_.multi_range
multi_range.loss.strategy.update(ranges=[(1.0, 5.0), (5.0, 10.0)], margins=[4.0, 7.0])
model = dict(auxiliary=[multi_range])
