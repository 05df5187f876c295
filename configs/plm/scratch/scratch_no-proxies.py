# PLM without proxies on rendered vehicles, slim DLA from scratch.
_base_ = ['../baselines/vehicles_no-proxies.py', '../../_base_/models/slim_scratch.py']
# The published momentum 0.999 hardly moves in so few iterations.
model = {**_base_.slim_scratch, 'momentum': 0.99}
optim_wrapper = dict(optimizer=dict(lr=3e-3))
