# MonoLSS from PLM on object crops with MetricDepth's loss, all frames of the synthetic set.
_base_ = ['./crops_all_synthetic.py', '../_base_/auxiliaries/multi_range.py']
model = dict(auxiliary=[_base_.multi_range])
