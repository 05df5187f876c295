# Supervised proxy anchor on rendered vehicles, slim DLA from scratch.
_base_ = ['../baselines/vehicles_supervised.py', '../../_base_/models/slim_scratch.py']
model = _base_.slim_scratch
optim_wrapper = dict(optimizer=dict(lr=1e-2))
