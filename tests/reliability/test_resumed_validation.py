"""A validation that a training did not finish is done by the one that goes on."""
import os
import signal
import subprocess
import sys

import pytest
import torch
from mmdet3d.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from reliability.toy_runner import toy_config
from tiny_training import ROOT, write_config

EPOCHS = 2  # the validation after them is the only one
KILLER = """
import os, signal
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module()
class KillInValidation(Hook):
    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_9_in_the_last_validation(run_tool, kitti_root, tmp_path):
    (tmp_path / 'killer.py').write_text(KILLER)
    config = write_config(tmp_path / 'killed', kitti_root, "dict(type='KillInValidation')",
                          epochs=EPOCHS)
    config.write_text(config.read_text()
                      + "custom_imports = dict(imports=[*_base_.custom_imports.imports, 'killer'])")
    work_dir = tmp_path / 'run'
    done = subprocess.run(
        [sys.executable, 'tools/train.py', config, '--work-dir', work_dir], cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert f'Epoch(val) [{EPOCHS}]' not in done.stdout + done.stderr

    config = write_config(tmp_path / 'resumed', kitti_root, epochs=EPOCHS)
    code, printed = run_tool('train', config, '--work-dir', work_dir, '--resume', 'auto')
    assert code == 0, printed.err
    assert 'Epoch(train)' not in printed.out + printed.err  # the training itself had ended
    assert 'kitti/Car_3D_AP40_moderate_strict' in printed.out + printed.err


@HOOKS.register_module()
class ValidationRecorder(Hook):

    def before_run(self, runner):
        runner.validated = []

    def before_val_epoch(self, runner):
        runner.validated.append(runner.epoch)


def run_toy(work_dir, max_epochs, validate=True, **changes):
    """The epochs that are validated."""
    cfg = toy_config(work_dir, **changes)
    cfg.train_cfg.max_epochs = max_epochs
    cfg.custom_hooks += [dict(type='InterruptionHook'), dict(type='ValidationRecorder')]
    if validate:
        cfg.update(val_dataloader=cfg.test_dataloader, val_evaluator=cfg.test_evaluator,
                   val_cfg=dict())
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner.validated


@pytest.mark.parametrize('schedule', [
    dict(val_interval=3), dict(val_interval=1, val_begin=4),
    dict(val_interval=4, dynamic_intervals=[(6, 2), (9, 1)])])
def test_epochs_are_validated_when_mmengine_does(tmp_path, schedule):
    changes = {f'train_cfg.{name}': value for name, value in schedule.items()}
    own = run_toy(tmp_path / 'own', 11, **changes)
    theirs = run_toy(tmp_path / 'theirs', 11, **changes,
                     **{'train_cfg.type': EpochBasedTrainLoop.__name__})
    assert own == theirs and 11 in own


def test_checkpoints_tell_of_validations_that_are_due(tmp_path):
    run_toy(tmp_path, 3, **{'train_cfg.val_interval': 2})
    due = [torch.load(tmp_path / f'epoch_{epoch}.pth', weights_only=True)['train_loop'][
        'validating'] for epoch in (1, 2, 3)]
    assert due == [False, True, True]  # the last epoch is always validated
    go_on = dict(load_from=str(tmp_path / 'epoch_2.pth'), resume=True)
    assert run_toy(tmp_path / 'again', 3, **go_on) == [2, 3]


def test_a_config_without_validation_goes_on(tmp_path):
    run_toy(tmp_path, 1)
    go_on = dict(load_from=str(tmp_path / 'epoch_1.pth'), resume=True)
    assert run_toy(tmp_path / 'again', 2, validate=False, **go_on) == []
    content = torch.load(tmp_path / 'again/epoch_2.pth', weights_only=True)
    assert content['meta']['epoch'] == 2 and not content['train_loop']['validating']
