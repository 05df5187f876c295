# LT with MetricDepth on NYU Depth V2 (table I: AbsRel 0.136, RMSE 0.473, delta1 0.818).
_base_ = ['./lt_nyu.py', '../_base_/auxiliaries/dense_multi_range.py']
multi_range = _base_.multi_range
multi_range.loss.strategy.update(
    ranges=[(0.5, 1.0), (1.0, 1.5), (1.5, 2.0)], margins=[3.0, 6.0, 8.0])
model = dict(auxiliary=[multi_range])
