# BTS with MetricDepth on NYU Depth V2 (table I: AbsRel 0.115, RMSE 0.405, delta1 0.871).
_base_ = ['./bts_nyu.py', '../_base_/auxiliaries/dense_multi_range.py']
multi_range = _base_.multi_range
multi_range.loss.strategy.update(
    ranges=[(0.5, 1.0), (1.0, 1.5), (1.5, 2.0)], margins=[2.0, 4.0, 6.0])
model = dict(auxiliary=[multi_range])
