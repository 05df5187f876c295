# LT + ranges and margins that adapt (not of the paper), on the synthetic set
_base_ = './lt_multi-range_synthetic.py'
multi_range = _base_.multi_range
multi_range.loss.strategy = dict(
    type='AdaptiveStrategy',
    positive_threshold=0.1,
    # Three ranges with a quarter of the pairs each, above the quarter that differs least.
    quantiles=[0.25, 0.5, 0.75, 1.0],
    mean_margin=3.0,  # about the mean of the tuned ones
    momentum=0.05,
    max_pairs=65536)
model = dict(auxiliary=[multi_range])
