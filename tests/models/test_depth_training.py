"""Training of depth estimators from files to metrics, and without host-device waits."""
import json
from pathlib import Path

import pytest
import torch
from engine.test_no_waiting import DeviceFollower, tensors_of
from mmdet3d.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from tiny_depth import write_synthetic

ROOT = Path(__file__).parents[2]
STRATEGIES = ('uniform', 'multi-range', 'adaptive')
CONFIG = """
_base_ = '{root}/configs/metricdepth/lt_{strategy}_synthetic.py'
train_dataloader = dict(batch_size=2, dataset=dict(data_root='{data}'))
val_dataloader = dict(dataset=dict(data_root='{data}', ann_file='ImageSets/train.txt'))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=1, val_interval=1)
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval=1))
param_scheduler = [dict(type='CosineWarmupLR', start_lr=1e-5, begin=0, end=2, by_epoch=True)]
"""


def test_train_and_test(run_tool, tmp_path):
    data = write_synthetic(tmp_path / 'data')
    config = tmp_path / 'tiny.py'
    config.write_text(CONFIG.format(root=ROOT, data=data, strategy='adaptive'))
    code, printed = run_tool('train', config, '--work-dir', tmp_path / 'run')
    assert code == 0, printed.err
    trained = {}
    for line in next((tmp_path / 'run').glob('*/vis_data/scalars.json')).read_text().splitlines():
        trained.update(json.loads(line))
    assert trained['loss_depth'] > 0 and trained['loss_multi_range'] > 0
    assert 0 < trained['depth/AbsRel'] < 10 and 0 <= trained['depth/delta1'] <= 1

    code, printed = run_tool('test', config, tmp_path / 'run/epoch_1.pth',
                             '--work-dir', tmp_path / 'test')
    assert code == 0, printed.err
    tested = json.loads(next((tmp_path / 'test').glob('*_*/*.json')).read_text())
    assert tested['depth/AbsRel'] == pytest.approx(trained['depth/AbsRel'], rel=1e-4)


@pytest.mark.parametrize('strategy', STRATEGIES)
def test_training_step_never_waits_for_the_device(strategy, tmp_path):
    cfg = Config.fromfile(ROOT / f'configs/metricdepth/lt_{strategy}_synthetic.py')
    cfg.train_dataloader.dataset.data_root = str(write_synthetic(tmp_path))
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    model = MODELS.build(cfg.model).train()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    batch = pseudo_collate([dataset[0], dataset[1]])
    data = model.data_preprocessor(batch, training=True)
    roots = [*tensors_of(data), *model.parameters(), *model.buffers()]
    with DeviceFollower(roots) as follower:
        loss, _ = model.parse_losses(model(**data, mode='loss'))
        wrapper.update_params(loss)
    assert torch.isfinite(loss) and id(loss) in follower.marked
    assert not follower.waiting
