# Pseudo-labels of k-means on rendered vehicles.
_base_ = './vehicles_supervised.py'
model = dict(labels='clusters', loss=dict(loss=dict(_delete_=True, type='MultiSimilarityLoss')))
custom_hooks = _base_.custom_hooks + [dict(type='ClusterLabelHook', num_clusters=20)]
optim_wrapper = dict(optimizer=dict(lr=1e-4))
