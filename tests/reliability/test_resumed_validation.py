"""A resumed training does the validation that its checkpoint lacks."""
import pytest
import torch
from mmdet3d.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from reliability.toy_runner import toy_config
from tiny_training import resume_training, train_until_killed


@pytest.mark.slow
def test_kill_9_in_the_last_validation(run_tool, kitti, tmp_path):
    settings = dict(epochs=2)  # validated after the last epoch alone
    printed = train_until_killed(tmp_path, kitti, dict(where='validation'), **settings)
    assert 'Epoch(train) [2]' in printed and 'Epoch(val) [2]' not in printed
    printed = resume_training(run_tool, tmp_path, kitti, **settings)
    assert 'Epoch(train)' not in printed
    assert 'kitti/Car_3D_AP40_moderate_strict' in printed


@HOOKS.register_module()
class ValidationRecorder(Hook):

    def before_run(self, runner):
        runner.validated = []

    def before_val_epoch(self, runner):
        runner.validated.append(runner.epoch)


def run_toy(work_dir, max_epochs, validate=True, **changes):
    """Train, and return the epochs that were validated."""
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
def test_the_same_epochs_as_in_mmengine_are_validated(tmp_path, schedule):
    changes = {f'train_cfg.{name}': value for name, value in schedule.items()}
    resumable = run_toy(tmp_path / 'resumable', 11, **changes)
    expected = run_toy(tmp_path / 'mmengine', 11, **changes,
                       **{'train_cfg.type': EpochBasedTrainLoop.__name__})
    assert resumable == expected and 11 in resumable


def test_checkpoints_say_whether_their_validation_is_due(tmp_path):
    run_toy(tmp_path, 3, **{'train_cfg.val_interval': 2})
    due = [torch.load(tmp_path / f'epoch_{epoch}.pth', weights_only=True)['train_loop'][
        'validating'] for epoch in (1, 2, 3)]
    assert due == [False, True, True]  # the last epoch is always validated
    resume = dict(load_from=str(tmp_path / 'epoch_2.pth'), resume=True)
    assert run_toy(tmp_path / 'again', 3, **resume) == [2, 3]


def test_resume_with_a_config_without_validation(tmp_path):
    run_toy(tmp_path, 1)
    resume = dict(load_from=str(tmp_path / 'epoch_1.pth'), resume=True)
    assert run_toy(tmp_path / 'again', 2, validate=False, **resume) == []
    content = torch.load(tmp_path / 'again/epoch_2.pth', weights_only=True)
    assert content['meta']['epoch'] == 2 and not content['train_loop']['validating']
