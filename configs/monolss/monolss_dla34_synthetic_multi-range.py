# MonoLSS with the slim network and MetricDepth's loss on object-wise depth, on the synthetic set.
_base_ = ['./monolss_dla34_synthetic.py', '../_base_/auxiliaries/multi_range.py']
model = dict(auxiliary=[_base_.multi_range])
