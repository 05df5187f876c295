# MonoDLE with the slim network on the synthetic set, all classes, 15 epochs.
_base_ = [
    '../_base_/datasets/synthetic_mono3d.py',
    '../_base_/models/monodle_dla34.py',
    '../_base_/models/slim.py',
    '../_base_/schedules/synthetic_15e.py',
    '../_base_/default_runtime.py'
]
model = dict(
    **_base_.slim,
    object_head=dict(
        in_channels=_base_.slim_channels[0], hidden_channels=64,
        depth_head=_base_.depth_help))
default_hooks = dict(logger=dict(interval=10))
