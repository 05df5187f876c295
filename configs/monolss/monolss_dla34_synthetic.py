# MonoLSS with the slim network on the synthetic set, 15 epochs.
# For ablations, which compare many trainings:
#   python tools/ablate.py configs/monolss/ablations --data synthetic --out DIR
_base_ = [
    '../_base_/datasets/synthetic_mono3d.py',
    '../_base_/models/monolss_dla34.py',
    '../_base_/models/slim.py',
    '../_base_/schedules/synthetic_15e.py',
    '../_base_/default_runtime.py'
]
# The published probability of 0.5 mixes too many frames for so few epochs (docs/results.md).
mixup3d = dict(prob=0.1)
unmixed_pipeline = _base_.train_pipeline
train_pipeline = [{**_base_.mixup3d, **mixup3d}, *unmixed_pipeline]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(
    **_base_.slim,
    object_head=dict(
        in_channels=_base_.slim_channels[0],
        extractor=_base_.roi_help,
        depth_head=_base_.depth_help))
custom_hooks = _base_.custom_hooks + [_base_.sample_selection_warmup]
default_hooks = dict(logger=dict(interval=10))
