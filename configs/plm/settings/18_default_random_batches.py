# Default with random batches
_base_ = './13_default.py'
train_dataloader = dict(batch_sampler=None, drop_last=True)
custom_hooks = [hook for hook in _base_.custom_hooks if hook.type != 'NeighbourTableHook']
