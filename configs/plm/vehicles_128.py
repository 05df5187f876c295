# PLM on rendered vehicles, 128 dimensions.
_base_ = [
    '../_base_/datasets/vehicles.py',
    '../_base_/models/embedder_lite0.py',
    '../_base_/models/plm.py',
    '../_base_/schedules/embedding_5e.py',
    '../_base_/default_runtime.py'
]
train_dataloader = dict(batch_sampler=_base_.neighbourhood_batches)
model = {**_base_.plm, 'head': dict(embed_dim=128), 'loss': {**_base_.plm.loss, 'embed_dim': 128}}
custom_hooks = _base_.custom_hooks + _base_.plm_hooks
# The rate is chosen on the validation identities (docs/plm.md, settings).
optim_wrapper = dict(optimizer=dict(lr=3e-4), paramwise_cfg=_base_.plm_rates)
acceleration = dict(channels_last=True)
default_hooks = dict(logger=dict(interval=10))
