"""An own detector on own data.

The pipelines, the small network and the schedule are those of the shipped configs.
"""
_base_ = [
    'mmdet3d_plugin::_base_/datasets/synthetic_mono3d.py',
    'mmdet3d_plugin::_base_/models/center_dla34.py',
    'mmdet3d_plugin::_base_/models/slim.py',
    'mmdet3d_plugin::_base_/schedules/synthetic_15e.py',
    'mmdet3d_plugin::_base_/default_runtime.py',
]
custom_imports = dict(imports=[*_base_.custom_imports.imports, 'my_detector'])

model = dict(
    **_base_.slim,
    object_head=dict(
        in_channels=_base_.slim_channels[0],
        extractor=_base_.roi_help,
        depth_head=dict(
            type='GroundDepthHead',
            loss=dict(type='RelativeLaplacianLoss'),
            sample_selector=dict(type='LargestLogits', share=0.5))))

data_root = 'data/my_scenes/'
train_dataloader = dict(batch_size=2, dataset=dict(dataset=dict(
    type='CustomMonoDataset', data_root=data_root, ann_file='train.json')))
val_dataloader = dict(dataset=dict(
    type='CustomMonoDataset', data_root=data_root, ann_file='val.json'))
test_dataloader = val_dataloader

train_cfg = dict(max_epochs=2, val_interval=2)  # a few steps; delete it for 15 epochs
default_hooks = dict(logger=dict(interval=1))
