"""Start of sample selection, also after a resume."""
import json
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.model import BaseModule

from mmdet3d_plugin.engine.hooks import SampleSelectionWarmupHook
from mmdet3d_plugin.engine.hooks.sample_selection_warmup_hook import has_settled
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.object_heads import SelectedDepthHead


class DepthHead(SelectedDepthHead):
    """Depth head without layers."""

    def __init__(self):
        BaseModule.__init__(self)
        self.selecting = True


class Detector(BaseModule):
    def __init__(self):
        super().__init__()
        self.depth_head = DepthHead()
        self.task_weights = {}


def make_runner(max_epochs=20):
    model = Detector()
    return SimpleNamespace(
        model=model, epoch=0, iter=0, max_epochs=max_epochs,
        message_hub=SimpleNamespace(update_scalar=lambda *args: None))


def run(hook, runner, losses):
    """Train one epoch per loss; return for each epoch whether the head selected."""
    selected = []
    hook.before_train(runner)
    for loss in losses:
        hook.before_train_epoch(runner)
        selected.append(runner.model.depth_head.selecting)
        for factor in (.5, 1.5):  # two iterations whose mean is the given loss
            hook.after_train_iter(runner, 0, outputs=dict(loss_depth=torch.tensor(factor * loss)))
            runner.iter += 1
        hook.after_train_epoch(runner)
        runner.epoch += 1
    return selected


def test_start_by_epoch():
    hook = SampleSelectionWarmupHook(start_epoch=3)
    assert run(hook, make_runner(), [1.] * 5) == [False] * 3 + [True] * 2
    hook = SampleSelectionWarmupHook(start_fraction=1 / 6)
    assert run(hook, make_runner(12), [1.] * 4) == [False] * 2 + [True] * 2


FALLING = [8., 6., 4.5, 3.5, 3., 2.75, 2.7, 2.69, 2.9, 2.8]
STABLE = dict(mode='stable', window=2, tolerance=.05)


def test_start_by_loss():
    """Means of two epochs: 7, 5.25, 4, 3.25, 2.875, 2.725, 2.695; the fall over two
    epochs is at most 5 % of the whole one first at 2.875 - 2.695 = .18 <= .215."""
    selected = run(SampleSelectionWarmupHook(**STABLE), make_runner(), FALLING)
    assert selected == [False] * 8 + [True] * 2


@pytest.mark.parametrize('losses, settled', [
    ([5., 4., 3., 2.], False), ([5., 4., 2., 2., 2., 2.], True), ([2., 2., 2., 2.], True),
    ([1., 1., 2., 2.], True), ([5., 3.], False), ([-1., -2., -3., -4., -4., -4., -4.], True),
])
def test_has_settled(losses, settled):
    assert has_settled(losses, 2, .1) is settled
    shifted = [10 * loss - 500 for loss in losses]
    assert has_settled(shifted, 2, .1) is settled


def test_epochs_that_do_not_train_depth_do_not_count():
    runner = make_runner()
    runner.model.task_weights = dict(depth=0.)
    hook = SampleSelectionWarmupHook(**STABLE)
    assert not any(run(hook, runner, [7.] * 8))
    assert hook.losses == []
    runner.model.task_weights = dict(depth=.1)
    assert run(hook, runner, [7.] * 6) == [False] * 4 + [True] * 2


def test_the_unweighted_loss_counts():
    hook, runner = SampleSelectionWarmupHook(**STABLE), make_runner()
    hook.before_train_epoch(runner)
    hook.after_train_iter(runner, 0, outputs=dict(loss_depth=torch.tensor(.1),
                                                  raw_depth=torch.tensor(3.)))
    hook.after_train_epoch(runner)
    assert hook.losses == [3.]


@pytest.mark.parametrize('stop', [3, 8, 9])
@pytest.mark.parametrize('settings', [STABLE, dict(start_epoch=8)])
def test_resume_changes_nothing(stop, settings):
    whole = run(SampleSelectionWarmupHook(**settings), make_runner(), FALLING)
    first, runner, checkpoint = SampleSelectionWarmupHook(**settings), make_runner(), {}
    part = run(first, runner, FALLING[:stop])
    first.before_save_checkpoint(runner, checkpoint)
    runner.model.depth_head.selecting = True  # as a new head does
    second = SampleSelectionWarmupHook(**settings)
    second.after_load_checkpoint(runner, checkpoint)
    assert part + run(second, runner, FALLING[stop:]) == whole


def test_a_training_from_old_weights_warms_up_again():
    hook = SampleSelectionWarmupHook(start_epoch=2)
    runner = make_runner()
    hook.after_load_checkpoint(runner, {hook.KEY: dict(selecting=True, losses=[1.] * 9)})
    assert runner.model.depth_head.selecting  # a test of these weights selects
    assert run(hook, runner, [1.] * 3) == [False, False, True]


@pytest.mark.parametrize('settings, message', [
    (dict(mode='soon'), "mode is 'soon'"), (dict(), 'either start_epoch or start_fraction'),
    (dict(start_epoch=3, start_fraction=.1), 'either'), (dict(start_epoch=3, window=2), 'either'),
    (dict(mode='stable', window=3), 'takes window and tolerance'),
    (dict(mode='stable', window=0, tolerance=.1), 'window is 0'),
    (dict(mode='stable', window=2, tolerance=-1.), 'tolerance is -1.0'),
    (dict(start_epoch=-5), 'start_epoch is -5'), (dict(start_fraction=34), 'start_fraction is 34'),
])
def test_bad_settings_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        SampleSelectionWarmupHook(**settings)


def test_batches_without_objects_do_not_count():
    hook, runner = SampleSelectionWarmupHook(**STABLE), make_runner()
    hook.before_train_epoch(runner)
    for loss in (-3., 0., -1.):
        hook.after_train_iter(runner, 0, outputs=dict(loss_depth=torch.tensor(loss)))
    hook.after_train_epoch(runner)
    assert hook.losses == [-2.]


@pytest.mark.parametrize('settings, epochs, warned', [
    (dict(start_epoch=9), 5, 'never starts'), (STABLE, 3, 'never settled'),
    (dict(start_epoch=2), 5, None)])
def test_a_warning_if_selection_never_starts(monkeypatch, settings, epochs, warned):
    lines = []
    monkeypatch.setattr(
        'mmdet3d_plugin.engine.hooks.sample_selection_warmup_hook.print_log',
        lambda message, *args, level=0, **kwargs: lines.append(message) if level else None)
    hook, runner = SampleSelectionWarmupHook(**settings), make_runner(max_epochs=epochs)
    run(hook, runner, FALLING[:epochs])
    hook.after_train(runner)
    assert len(lines) == (warned is not None) and all(warned in line for line in lines)


def test_a_model_that_does_not_select_is_named():
    runner = make_runner()
    runner.model = BaseModule()
    with pytest.raises(InputError, match='no depth head that selects'):
        SampleSelectionWarmupHook(start_epoch=1).before_train(runner)


def train_one_of_two(rank, store, out):
    """Train as one of two ranks. The losses of a rank alone would switch at another epoch."""
    dist.init_process_group('gloo', init_method=f'file://{store}', rank=rank, world_size=2)
    own = [(1.5, .5)[rank] * loss for loss in FALLING]  # their mean is FALLING
    hook, runner = SampleSelectionWarmupHook(**STABLE), make_runner()
    selected = run(hook, runner, own)
    (out / f'{rank}.json').write_text(json.dumps([selected, hook.losses]))
    dist.destroy_process_group()


def test_all_ranks_switch_together(tmp_path):
    mp.start_processes(train_one_of_two, (tmp_path / 'store', tmp_path), nprocs=2,
                       start_method='fork')  # spares two imports of torch
    states = [json.loads((tmp_path / f'{rank}.json').read_text()) for rank in (0, 1)]
    assert states[0] == states[1]
    selected, losses = states[0]
    assert selected == [False] * 8 + [True] * 2
    assert losses == pytest.approx(FALLING[:8])
