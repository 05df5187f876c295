"""LossBalancerHook: the balance is stored, and weights of a base start a balanced training."""
import pytest
import torch
from tiny_config import write_clip_config
from tiny_training import STOP_HOOKS, assert_same

BALANCED = """
model = dict(loss=dict(balancer=dict()))
custom_hooks = [*_base_.custom_hooks, dict(type='LossBalancerHook')]
train_cfg = dict(max_epochs=2, val_interval=2)
"""
STOP = """
custom_imports = dict(imports=[*_base_.custom_imports.imports, '{module}'])
custom_hooks += [dict(type='SignalHook', number=15, iteration=3)]
"""
PARTS = ('state_dict', 'optimizer', 'loss_balancer')


def train(run_tool, config, *arguments, code=0):
    found, printed = run_tool('train', config, '--work-dir', *arguments)
    assert found == code, printed.err


@pytest.mark.slow
def test_resume_gives_the_same_balance(run_tool, tiny_clips, tmp_path):
    config = write_clip_config(tmp_path, tiny_clips, 'manydepth_distil_synthetic', BALANCED)
    train(run_tool, config, tmp_path / 'whole')
    stopped = write_clip_config(tmp_path, tiny_clips, 'manydepth_distil_synthetic',
                                BALANCED + STOP.format(module=STOP_HOOKS), 'stopped.py')
    train(run_tool, stopped, tmp_path / 'run', code=143)
    train(run_tool, config, tmp_path / 'run', '--resume')
    whole, resumed = (torch.load(tmp_path / f'{name}/epoch_2.pth', weights_only=True)
                      for name in ('whole', 'run'))
    assert_same({part: resumed[part] for part in PARTS}, {part: whole[part] for part in PARTS})
    balance, = whole['loss_balancer']
    assert balance['started'] and balance['epoch'] == 1 and balance['iterations'] == 2


@pytest.mark.slow
def test_weights_start_trainings_without_a_balance_and_with_a_new_one(run_tool, tiny_clips,
                                                                      tmp_path):
    config = write_clip_config(tmp_path, tiny_clips, 'manydepth_distil_synthetic', BALANCED)
    train(run_tool, config, tmp_path / 'whole')
    base = write_clip_config(tmp_path, tiny_clips, 'manydepth_synthetic',
                             'train_cfg = dict(max_epochs=1)', 'base.py')
    train(run_tool, base, tmp_path / 'base', '--cfg-options',
          f'load_from={tmp_path}/whole/epoch_2.pth')
    train(run_tool, config, tmp_path / 'tuned', '--cfg-options', 'train_cfg.max_epochs=1',
          f'load_from={tmp_path}/base/epoch_1.pth')
    balance, = torch.load(tmp_path / 'tuned/epoch_1.pth', weights_only=True)['loss_balancer']
    assert balance['iterations'] == 2 and balance['epoch'] == 0


def test_model_without_balancer_is_refused(run_tool, tiny_clips, tmp_path):
    extra = "custom_hooks = [*_base_.custom_hooks, dict(type='LossBalancerHook')]"
    config = write_clip_config(tmp_path, tiny_clips, 'manydepth_synthetic', extra)
    code, printed = run_tool('train', config, '--work-dir', tmp_path)
    assert code == 2 and 'the model has no LossBalancer; set model.loss.balancer' in printed.err


@pytest.mark.parametrize('part', ['weights', 'means', 'epoch'])
def test_state_holds_every_buffer(part):
    from mmdet3d_plugin.self_supervision import LossBalancer
    balancer, other = LossBalancer(), LossBalancer()
    getattr(balancer, part).fill_(.7)
    other.set_state(balancer.get_state())
    assert torch.equal(getattr(other, part), getattr(balancer, part))
