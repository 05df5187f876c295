# Random batches (no figure in the paper)
_base_ = '../{{$ABLATION_DATA:cub}}_128.py'
train_dataloader = dict(batch_sampler=None, drop_last=True)
custom_hooks = [hook for hook in _base_.custom_hooks if hook.type != 'NeighbourTableHook']
