# LT with this project's adaptive strategy (not in the paper) on the synthetic set.
_base_ = './lt_multi-range_synthetic.py'
multi_range = _base_.multi_range
multi_range.loss.strategy = dict(
    type='AdaptiveStrategy',
    positive_threshold=0.1,
    # Three ranges with a quarter of the pairs each. The quarter with the smallest differentials
    # is in no range.
    quantiles=[0.25, 0.5, 0.75, 1.0],
    mean_margin=3.0,  # about the mean of the paper's margins
    momentum=0.05,
    max_pairs=65536)
model = dict(auxiliary=[multi_range])
