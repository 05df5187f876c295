# LT with MetricDepth's multi-range strategy on the synthetic set.
# Ranges and margins are those of LT on KITTI (table II).
_base_ = ['./lt_synthetic.py', '../_base_/auxiliaries/dense_multi_range.py']
multi_range = _base_.multi_range
multi_range.loss.strategy.update(
    ranges=[(1.0, 5.0), (5.0, 10.0), (10.0, 15.0)], margins=[2.0, 3.0, 3.5])
model = dict(auxiliary=[multi_range])
