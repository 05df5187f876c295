# LT with MetricDepth on KITTI (table II: AbsRel 0.068, RMSE 2.669, delta1 0.947).
_base_ = ['./lt_kitti.py', '../_base_/auxiliaries/dense_multi_range.py']
multi_range = _base_.multi_range
multi_range.loss.strategy.update(
    ranges=[(1.0, 5.0), (5.0, 10.0), (10.0, 15.0)], margins=[2.0, 3.0, 3.5])
model = dict(auxiliary=[multi_range])
