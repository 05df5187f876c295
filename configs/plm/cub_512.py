# PLM on CUB-200-2011, 512 dimensions.
_base_ = [
    '../_base_/datasets/cub.py',
    '../_base_/models/embedder_googlenet.py',
    '../_base_/models/plm.py',
    '../_base_/schedules/embedding_90e.py',
    '../_base_/default_runtime.py'
]
train_dataloader = dict(batch_sampler=_base_.neighbourhood_batches)
model = _base_.plm
optim_wrapper = dict(paramwise_cfg=_base_.plm_rates)
custom_hooks = _base_.custom_hooks + _base_.plm_hooks
