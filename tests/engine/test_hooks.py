"""Hierarchical task learning, plain checkpoints and the learning-rate warm-up."""
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from mmdet3d_plugin.engine.hooks import HierarchicalTaskHook, PlainCheckpointHook
from mmdet3d_plugin.engine.hooks.hierarchical_task_hook import loss_trend, task_weights
from mmdet3d_plugin.engine.optimizers import CosineWarmupLR
from mmdet3d_plugin.errors import InputError

PARENTS = dict(size_3d=['size_2d'], depth=['size_2d', 'size_3d'])


def test_trend_is_the_mean_decrease_over_two_epochs():
    history = torch.tensor([[10.], [7.], [6.], [5.], [5.5]])
    # (10 - 6 + 7 - 5 + 6 - 5.5) / 3
    assert loss_trend(history).item() == pytest.approx(6.5 / 3)


def test_weights_follow_the_equation():
    tasks = ['depth', 'size_2d', 'size_3d']
    history = torch.tensor([[9., 4., 1.], [9., 4., 1.], [8., 3., 1.], [8., 3., 1.], [7., 2., 1.]])
    first = torch.tensor([1., 4., 2.])
    weights = task_weights(history, first, tasks, PARENTS, progress=.3)
    settled_2d = 1 - 1. / 4  # decrease by 1 in two epochs, at first by 4
    settled_3d = 1.  # no decrease
    assert weights['size_3d'] == pytest.approx(.3 ** (1 - settled_2d))
    assert weights['depth'] == pytest.approx(.3 ** (1 - settled_2d * settled_3d))


def test_a_rising_loss_counts_as_settled():
    history = torch.tensor([[1.], [1.], [2.], [2.], [3.]])
    weights = task_weights(history, torch.tensor([1.]), ['a'], dict(b=['a']), .5)
    assert weights['b'] == pytest.approx(1.)


def test_weights_stay_in_bounds_for_constant_and_accelerating_losses():
    history = torch.tensor([[5., 9.], [5., 8.], [5., 5.], [5., 2.], [5., 0.]])
    weights = task_weights(history, torch.tensor([0., 1.]), ['a', 'b'],
                           dict(c=['a'], d=['b'], e=['a', 'b']), .1)
    assert weights == pytest.approx(dict(c=1., d=.1, e=.1))


class FakeRunner:
    def __init__(self):
        self.model = SimpleNamespace(task_weights={})
        self.message_hub = SimpleNamespace(update_scalar=lambda *args: None)
        self.epoch = 0

    def run_epoch(self, hook, **losses):
        hook.before_train_epoch(self)
        for factor in (.5, 1.5):  # two iterations whose mean is the given loss
            hook.after_train_iter(self, 0, outputs={
                f'raw_{task}': torch.tensor(value * factor) for task, value in losses.items()})
        hook.after_train_epoch(self)
        self.epoch += 1


def train(hook, epochs, runner=None):
    runner = runner or FakeRunner()
    weights = []
    for _ in range(epochs):
        loss = 10 * .8 ** runner.epoch
        runner.run_epoch(hook, size_2d=loss, size_3d=2 * loss, depth=3 * loss)
        weights.append(dict(runner.model.task_weights))
    return weights


def test_weights_of_dependent_tasks_grow_from_zero_to_one():
    weights = train(HierarchicalTaskHook(PARENTS, full_epoch=12, window=5), 14)
    assert [item['depth'] for item in weights[:6]] == [0.] * 6
    depth = [item['depth'] for item in weights]
    assert all(later >= earlier for earlier, later in zip(depth, depth[1:]))
    assert weights[12] == dict(depth=1., size_3d=1., size_2d=1.)
    # Epoch 8 has a progress of 3 / 7. A loss that shrinks by a factor of 0.8 per epoch has a
    # trend of 0.8^3 of the first trend.
    settled = 1 - .8 ** 3
    assert weights[8]['size_3d'] == pytest.approx((3 / 7) ** (1 - settled), rel=1e-5)
    assert weights[8]['depth'] == pytest.approx((3 / 7) ** (1 - settled ** 2), rel=1e-5)


def test_a_resumed_hook_gives_the_same_weights():
    whole = train(HierarchicalTaskHook(PARENTS, full_epoch=12), 12)
    first, runner, checkpoint = HierarchicalTaskHook(PARENTS, full_epoch=12), FakeRunner(), {}
    train(first, 7, runner)
    first.before_save_checkpoint(runner, checkpoint)
    second = HierarchicalTaskHook(PARENTS, full_epoch=12)
    second.after_load_checkpoint(runner, checkpoint)
    assert train(second, 5, runner) == whole[7:]


def test_a_new_training_from_old_weights_ignores_their_history():
    hook, runner = HierarchicalTaskHook(PARENTS, full_epoch=12), FakeRunner()
    runner.iter = 0
    hook.after_load_checkpoint(runner, {hook.KEY: dict(
        tasks=hook.tasks, history=[[1.] * 3] * 5, first_trend=[1.] * 3)})
    hook.before_train(runner)
    assert train(hook, 1, runner)[0]['depth'] == 0


def test_contradictory_epochs_are_rejected():
    with pytest.raises(InputError, match='full_epoch'):
        HierarchicalTaskHook(PARENTS, full_epoch=5, window=5)


def test_checkpoints_load_as_plain_values(tmp_path):
    checkpoint = dict(
        state_dict=dict(weight=torch.ones(2)),
        message_hub=dict(log_scalars=dict(loss=HistoryBuffer([1.], [1])),
                         runtime_info=dict(epoch=3, ids=[1, 2], eta=np.float64(2.5), odd=object),
                         resumed_keys=dict(epoch=True, odd=True)))
    PlainCheckpointHook().before_save_checkpoint(None, checkpoint)
    torch.save(checkpoint, tmp_path / 'checkpoint.pth')
    loaded = torch.load(tmp_path / 'checkpoint.pth', weights_only=True)
    assert loaded['message_hub'] == dict(log_scalars={}, runtime_info=dict(epoch=3, ids=[1, 2]),
                                         resumed_keys=dict(epoch=True))


def learning_rates(steps, **kwargs):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
    scheduler = CosineWarmupLR(optimiser, start_lr=1e-5, **kwargs)
    rates = []
    for _ in range(steps):
        rates.append(optimiser.param_groups[0]['lr'])
        optimiser.step()
        scheduler.step()
    return rates


def test_warmup_is_half_a_cosine_up_to_the_full_rate():
    rates = learning_rates(8, begin=0, end=6)
    expected = [1e-5 + (1e-3 - 1e-5) * (1 - math.cos(math.pi * t / 5)) / 2 for t in range(6)]
    assert rates == pytest.approx([*expected, 1e-3, 1e-3])
