"""Config of a training of seconds on a tiny KITTI folder."""
from pathlib import Path

ROOT = Path(__file__).parents[2]
BASE = ROOT / 'configs/monolss/monolss_dla34_synthetic-demo.py'


def write_config(folder: Path, data: Path, extra: str = '') -> Path:
    path = folder / 'tiny.py'
    path.write_text(f"""
_base_ = '{BASE}'
train_pipeline = _base_.train_pipeline
next(item for item in train_pipeline if item.type == 'CropScaleAffine')['input_size'] = (128, 64)
test_pipeline = _base_.test_pipeline
test_pipeline[1]['input_size'] = (128, 64)
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False,
                        dataset=dict(dataset=dict(data_root='{data}'), pipeline=train_pipeline))
val_dataloader = dict(num_workers=0, persistent_workers=False,
                      dataset=dict(data_root='{data}', pipeline=test_pipeline))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=1, val_interval=1)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=1))
param_scheduler = [dict(type='CosineWarmupLR', start_lr=1e-5, begin=0, end=2, by_epoch=True)]
""" + extra)
    return path
