# No momentum encoder (no figure in the paper)
_base_ = '../{{$ABLATION_DATA:cub}}_128.py'
model = dict(momentum=None)
custom_hooks = [hook for hook in _base_.custom_hooks if hook.type != 'MomentumEncoderHook']
