"""Warm-up of the sample selection of a depth head."""
import logging
import math
from typing import List, Optional, Sequence

import torch
import torch.nn as nn
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ...errors import InputError
from ...models.object_heads import SelectedDepthHead
from ...models.task_modules.rank_means import mean_over_ranks
from ..process_state import unwrap_model
from ..state_forms import FLAG, NUMBER, NUMBERS
from .model_state_hook import ModelStateHook


def has_settled(losses: Sequence[float], window: int, tolerance: float) -> bool:
    """Return whether a loss has stopped improving.

    It has if the mean loss decreased from the second last to the last ``window`` epochs by at
    most ``tolerance`` times its decrease from the first to the last ``window`` epochs. The
    decrease is relative because a log-likelihood has neither a natural zero nor a natural scale.

    Args:
        losses: one value per epoch.
        window: number of epochs of each mean.
        tolerance: share of the total decrease, in [0, 1].

    Example:
        >>> has_settled([5., 4., 2., 2., 2., 2.], window=2, tolerance=.1)
        True
        >>> has_settled([5., 4., 3., 2.], window=2, tolerance=.1)
        False
    """
    if len(losses) < 2 * window:
        return False
    first, before, last = (sum(span) / window for span in (
        losses[:window], losses[-2 * window:-window], losses[-window:]))
    return before - last <= tolerance * max(first - last, 0.)


@HOOKS.register_module()
class SampleSelectionWarmupHook(ModelStateHook):
    """Hook that trains depth on all ROI locations until sample selection starts.

    ``mode='epoch'`` starts selection at a given epoch, the published recipe.
    ``mode='stable'`` starts it when the depth loss has stopped improving, which is the paper's
    reason for a warm-up (MonoLSS, section 3.2). Epochs with weight 0 of the task ``depth``
    (:class:`HierarchicalTaskHook`) do not count.

    Losses are means over ranks, so that all ranks start together. The state is saved in
    checkpoints and restored for resume and test. It is logged as ``selecting``, 0 or 1.

    Args:
        mode: ``'epoch'`` or ``'stable'``.
        start_epoch: index of the first epoch with selection; for ``'epoch'``.
        start_fraction: share of the training without selection, in [0, 1]; for ``'epoch'``, in
            place of ``start_epoch``.
        window: number of epochs, see :func:`has_settled`; for ``'stable'``.
        tolerance: share in [0, 1], see :func:`has_settled`; for ``'stable'``.

    Raises:
        InputError: an argument is missing, out of range or of the other mode, or the model has no
            depth head that selects samples.
    """

    KEY = 'sample_selection_warmup'
    STATE_FORM = {'selecting': FLAG, 'losses': [NUMBER], 'epoch_losses?': NUMBERS}

    def __init__(self, mode: str = 'epoch', start_epoch: Optional[int] = None,
                 start_fraction: Optional[float] = None, window: Optional[int] = None,
                 tolerance: Optional[float] = None) -> None:
        needed = dict(epoch=[start_epoch, start_fraction], stable=[window, tolerance])
        if mode not in needed:
            raise InputError(f"warm-up mode is {mode!r}, expected 'epoch' or 'stable'")
        given = {name: sum(value is not None for value in values)
                 for name, values in needed.items()}
        if given != (dict(epoch=1, stable=0) if mode == 'epoch' else dict(epoch=0, stable=2)):
            raise InputError("warm-up: mode 'epoch' takes either start_epoch or start_fraction, "
                             "mode 'stable' takes window and tolerance")
        for name, value, low, high in [
                ('start_epoch', start_epoch, 0, math.inf), ('window', window, 1, math.inf),
                ('start_fraction', start_fraction, 0, 1), ('tolerance', tolerance, 0, 1)]:
            if value is not None and not low <= value <= high:
                raise InputError(f'warm-up {name} is {value}, it must lie in [{low}, {high}]')
        self.mode = mode
        self.start_epoch = start_epoch
        self.start_fraction = start_fraction
        self.window = window
        self.tolerance = tolerance
        self.selecting = False
        self.losses: List[float] = []
        # Depth loss of each step of the current epoch so far.
        self._steps: List[torch.Tensor] = []

    def before_train(self, runner: Runner) -> None:
        if runner.iter == 0:  # load_from also loads the state of the other training
            self.selecting, self.losses, self._steps = False, [], []
        self._apply(runner)
        if self.mode == 'epoch' and self._start(runner) >= runner.max_epochs:
            print_log(f'sample selection never starts: its epoch {self._start(runner):g} lies '
                      f'after the last of {runner.max_epochs}', 'current', level=logging.WARNING)

    def before_train_epoch(self, runner: Runner) -> None:
        if not self.selecting and self._is_due(runner):
            self.selecting = True
            print_log(f'sample selection starts at epoch {runner.epoch + 1}', 'current')
        self._apply(runner)
        runner.message_hub.update_scalar('train/selecting', float(self.selecting))

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                         outputs=None) -> None:
        if self.mode == 'stable' and not self.selecting:
            loss = outputs.get('raw_depth', outputs['loss_depth'])
            # Reduced in every step, since rank 0 alone saves a checkpoint.
            self._steps.append(mean_over_ranks(loss))

    def after_train_epoch(self, runner: Runner) -> None:
        trained = unwrap_model(runner.model).task_weights.get('depth', 1.) > 0
        if self._steps and trained:
            steps = self._means()
            steps = steps[steps != 0]  # 0: no rank had an object
            if len(steps):
                self.losses.append(steps.mean().item())
        self._steps = []

    def _means(self) -> torch.Tensor:
        """Return the (S,) losses of the steps, on the host."""
        device = self._steps[-1].device  # losses from a checkpoint are on the host
        return torch.stack([step.to(device) for step in self._steps]).cpu()

    def after_train(self, runner: Runner) -> None:
        if self.mode == 'stable' and not self.selecting:
            print_log('the depth loss never settled: sample selection has not started',
                      'current', level=logging.WARNING)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint[self.KEY] = dict(selecting=self.selecting, losses=self.losses,
                                    epoch_losses=self._means() if self._steps else [])

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        state = checkpoint.get(self.KEY)
        if state is not None:
            self.selecting, self.losses = state['selecting'], state['losses']
            self._steps = list(torch.as_tensor(state.get('epoch_losses', [])))
            self._apply(runner)

    def _is_due(self, runner: Runner) -> bool:
        if self.mode == 'epoch':
            return runner.epoch >= self._start(runner)
        assert self.window is not None and self.tolerance is not None  # in this mode
        return has_settled(self.losses, self.window, self.tolerance)

    def _start(self, runner: Runner) -> float:
        """Return the first epoch with selection, which may be a fraction."""
        if self.start_epoch is not None:
            return self.start_epoch
        assert self.start_fraction is not None  # one of both is given
        return self.start_fraction * runner.max_epochs

    def _apply(self, runner: Runner) -> None:
        set_selecting(unwrap_model(runner.model), self.selecting)

    @classmethod
    def restore_model(cls, model: nn.Module, checkpoint: dict) -> None:
        if cls.KEY in checkpoint:
            set_selecting(model, checkpoint[cls.KEY]['selecting'])


def set_selecting(model: nn.Module, selecting: bool) -> None:
    """Switch sample selection of every depth head of a model on or off.

    Args:
        model: the model itself, without a distributed wrapper.
        selecting: whether depth heads select samples.

    Raises:
        InputError: no depth head selects samples.
    """
    heads = [module for module in model.modules() if isinstance(module, SelectedDepthHead)]
    if not heads:
        raise InputError('SampleSelectionWarmupHook: the model has no depth head that selects '
                         'samples; remove the hook from custom_hooks')
    for head in heads:
        head.selecting = selecting
