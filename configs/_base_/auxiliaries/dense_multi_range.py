# MetricDepth's loss on the feature map and the dense depth of depth estimators.
_base_ = './multi_range.py'
multi_range = dict(depth='dense', loss=dict(loss_weight=1.0))  # weight: equation 14
