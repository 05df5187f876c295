# The demo's detector and frames with about half its schedule: for ablations, where
# many trainings are compared and none has to be the best.
#   python tools/ablate.py configs/monolss/ablations --data synthetic --out DIR
_base_ = [
    '../_base_/datasets/synthetic_mono3d.py',
    '../_base_/models/monolss_dla34.py',
    '../_base_/models/slim.py',
    '../_base_/schedules/synthetic_15e.py',
    '../_base_/default_runtime.py'
]
train_pipeline = [
    # The published half of the images is too many for a schedule this short
    # (docs/results.md).
    dict(type='MixUp3D', prob=0.1, blend=0.5, max_objects=50),
    *_base_.train_pipeline,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(
    **_base_.slim,
    object_head=dict(
        in_channels=_base_.slim_channels[0],
        extractor=_base_.roi_help,
        depth_head=_base_.depth_help))
custom_hooks = _base_.custom_hooks + [_base_.sample_selection_warmup]
default_hooks = dict(
    logger=dict(interval=10), checkpoint=dict(interval=4, max_keep_ckpts=2))
