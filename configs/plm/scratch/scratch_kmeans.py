# Pseudo-labels of k-means on rendered vehicles, slim DLA from scratch.
_base_ = ['../baselines/vehicles_kmeans.py', '../../_base_/models/slim_scratch.py']
model = _base_.slim_scratch
optim_wrapper = dict(optimizer=dict(lr=3e-3))
