# NeWCRFs with MetricDepth on NYU Depth V2 (table I: AbsRel 0.087, RMSE 0.317, delta1 0.934).
_base_ = ['./newcrfs_nyu.py', '../_base_/auxiliaries/dense_multi_range.py']
multi_range = _base_.multi_range
multi_range.loss.strategy.update(ranges=[(0.5, 1.0), (1.0, 1.5)], margins=[5.0, 9.0])
model = dict(auxiliary=[multi_range])
