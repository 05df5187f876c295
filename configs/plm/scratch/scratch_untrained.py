# The encoder without training on rendered vehicles, slim DLA from scratch.
_base_ = ['../baselines/vehicles_untrained.py', '../../_base_/models/slim_scratch.py']
model = _base_.slim_scratch
