# LSS and MixUp3D, selection starts once the depth loss is stable
_base_ = '../monolss_dla34_{{$ABLATION_DATA:kitti}}.py'
custom_hooks = [
    *(hook for hook in _base_.custom_hooks if hook.type != 'SampleSelectionWarmupHook'),
    _base_.stable_warmup
]
