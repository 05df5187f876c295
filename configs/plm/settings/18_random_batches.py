# Delta = sqrt(2), learning rate 3e-4, random batches
_base_ = './13_delta_sqrt2_fast.py'
train_dataloader = dict(batch_sampler=None, drop_last=True)
custom_hooks = [hook for hook in _base_.custom_hooks if hook.type != 'NeighbourTableHook']
