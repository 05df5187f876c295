"""Configs that train in a second."""
from pathlib import Path

import tiny_training  # noqa: F401 registers TinyDLANet

ROOT = Path(__file__).parents[1]
DEMO = 'configs/monolss/monolss_dla34_synthetic-demo.py'
SMOKE = 'configs/smoke/smoke_dla34_synthetic-demo.py'
DETECTOR = """
_base_ = '{base}'
train_pipeline, test_pipeline = _base_.train_pipeline, _base_.test_pipeline
for pipeline in (train_pipeline, test_pipeline):
    next(item for item in pipeline if item.type == 'CropScaleAffine').input_size = (128, 64)
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False,
                        dataset=dict(dataset=dict(data_root='{data}'), pipeline=train_pipeline))
val_dataloader = dict(num_workers=0, persistent_workers=False,
                      dataset=dict(data_root='{data}', pipeline=test_pipeline))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=1, val_interval=1)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=1))
param_scheduler = [dict(type='CosineWarmupLR', start_lr=1e-5, begin=0, end=2, by_epoch=True)]
"""
# Models of a tenth of the parameters, by config.
SMALL = {
    DEMO: """
model = dict(
    backbone=dict(_delete_=True, type='mmdet.ResNet', depth=18, base_channels=8),
    neck=dict(in_channels=(8, 16, 32, 64)), dense_head=dict(in_channels=8, hidden_channels=16),
    object_head=dict(in_channels=8, hidden_channels=16))
""",
    SMOKE: """
model = dict(
    backbone=dict(type='SlimDLANet', out_indices=(0, 1, 2, 3, 4)),
    neck=dict(in_channels=[16, 32, 64, 128, 256], start_level=1, end_level=4),
    bbox_head=dict(in_channels=32, feat_channels=32, cls_branch=(32, ), reg_branch=((32, ), )))
"""}
DEPTH_ESTIMATOR = """
_base_ = ['{root}/configs/_base_/datasets/synthetic_depth.py',
          '{root}/configs/_base_/models/depth_estimator.py',
          '{root}/configs/_base_/schedules/synthetic_depth_12e.py',
          '{root}/configs/_base_/default_runtime.py']
data_root = '{data}'
train_pipeline, test_pipeline = _base_.train_pipeline, _base_.test_pipeline
for pipeline in (train_pipeline, test_pipeline):
    next(item for item in pipeline if item.type == 'CropScaleAffine').input_size = (64, 32)
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False,
                        dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(num_workers=0, persistent_workers=False,
                      dataset=dict(data_root=data_root, pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(
    backbone=dict(type='TorchvisionBackbone', name='mobilenet_v3_small',
                  nodes=['features.0', 'features.1', 'features.3']),
    decode_head=dict(type='LTDecoder', in_channels=(16, 16, 24), channels=(8, 8),
                     depth_range=(1., 80.)))
train_cfg = dict(max_epochs=2, val_interval=2)
param_scheduler = []
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=1))
"""


def write_config(folder, data, base=DEMO, extra='', name='tiny.py'):
    """Write the config of a detector on a tiny KITTI folder.

    The models of :data:`DEMO` and :data:`SMOKE` are :data:`SMALL`.
    """
    path = folder / name
    path.write_text(DETECTOR.format(base=ROOT / base, data=data) + SMALL.get(base, '') + extra)
    return path


def write_depth_config(folder, data, name='tiny.py'):
    """Write the config of a depth estimator on a tiny synthetic folder."""
    path = folder / name
    path.write_text(DEPTH_ESTIMATOR.format(root=ROOT, data=data))
    return path


CLIP_DEPTH = """
_base_ = '{root}/configs/mal/{base}.py'
randomness = dict(seed=3)
train_pipeline, test_pipeline = _base_.train_pipeline, _base_.test_pipeline
for pipeline in (train_pipeline, test_pipeline):
    next(item for item in pipeline if item.type == 'CropScaleAffine').input_size = (96, 64)
train_dataloader = dict(batch_size=1, dataset=dict(
    data_root='{data}', min_translation=None, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root='{data}', pipeline=test_pipeline))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=4, val_interval=4)
param_scheduler = [dict(type='StepLR', step_size=1, gamma=0.5, by_epoch=True)]
default_hooks = dict(logger=dict(interval=1))
small = dict(backbone=dict(type='TinyDLANet'), decode_head=dict(in_channels=(4, 8, 16, 32, 64)))
if 'teacher' in _base_.model:
    model = dict(small, teacher=small, matching_channels=8)
else:
    model = small
"""


def write_clip_config(folder, data, base='mal_synthetic', extra='', name='tiny.py'):
    """Write the config of depth from clips on a tiny set of clips."""
    path = folder / name
    path.write_text(CLIP_DEPTH.format(root=ROOT, data=data, base=base) + extra)
    return path
