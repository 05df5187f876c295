# LT with MetricDepth's uniform strategy on the synthetic set.
# The paper has no uniform strategy on roads. The threshold is the start of its first range on
# KITTI, the margin that of the second range.
_base_ = './lt_multi-range_synthetic.py'
multi_range = _base_.multi_range
multi_range.loss.strategy = dict(
    type='UniformStrategy', positive_threshold=0.1, negative_threshold=1.0, margin=3.0)
model = dict(auxiliary=[multi_range])
