# PLM on Stanford Online Products, 512 dimensions.
_base_ = [
    '../_base_/datasets/sop.py',
    '../_base_/models/embedder_googlenet.py',
    '../_base_/models/plm.py',
    '../_base_/schedules/embedding_90e.py',
    '../_base_/default_runtime.py'
]
# (STML): 60 seeds with one neighbour each, a faster momentum encoder, and a head that learns 100
# times as fast as the backbone.
neighbourhood_batches = dict(neighbourhood=2)
train_dataloader = dict(batch_sampler={**_base_.neighbourhood_batches, **neighbourhood_batches})
model = {**_base_.plm, 'momentum': 0.9}
optim_wrapper = dict(paramwise_cfg=dict(
    custom_keys={'encoder.head': dict(lr_mult=100.), **_base_.plm_rates.custom_keys}))
custom_hooks = _base_.custom_hooks + _base_.plm_hooks
