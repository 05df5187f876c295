# MonoLSS on Waymo's front camera, in DEVIANT's protocol (docs/datasets.md).
_base_ = [
    '../_base_/datasets/waymo_mono3d.py', '../_base_/models/monolss_dla34.py',
    '../_base_/schedules/waymo_30e.py', '../_base_/default_runtime.py'
]
unmixed_pipeline = _base_.train_pipeline
train_pipeline = [_base_.mixup3d, *unmixed_pipeline]
train_dataloader = dict(batch_size=40, dataset=dict(pipeline=train_pipeline))
model = dict(
    coder=dict(
        class_names=list(_base_.classes),
        mean_sizes=dict(_delete_=True, **_base_.classes)),
    # DEVIANT keeps detections with a score of at least 0.1.
    test_cfg=dict(heatmap_threshold=0.0, score_threshold=0.1))
# Hierarchical task learning and selection have the same shares of the epochs as on KITTI.
custom_hooks = _base_.custom_hooks + [
    {**_base_.hierarchical_task, 'full_epoch': 7},
    dict(type='SampleSelectionWarmupHook', mode='epoch', start_fraction=1 / 6),
]
