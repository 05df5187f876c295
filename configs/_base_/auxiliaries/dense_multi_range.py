# MetricDepth's loss as an auxiliary of depth estimators, on dense depth.
_base_ = './multi_range.py'
multi_range = dict(depth='dense', loss=dict(loss_weight=1.0))  # weight: equation 14
