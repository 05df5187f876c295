# LT + uniform strategy, on the synthetic set
# The paper has no such figures for roads: these are the lower bound of the first range on
# KITTI and the margin of the second.
_base_ = './lt_multi-range_synthetic.py'
multi_range = _base_.multi_range
multi_range.loss.strategy = dict(
    type='UniformStrategy', positive_threshold=0.1, negative_threshold=1.0, margin=3.0)
model = dict(auxiliary=[multi_range])
