"""Sample selection starts when depths are good enough to select by."""
from typing import List, Optional, Sequence

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ...errors import InputError


def has_settled(losses: Sequence[float], window: int, tolerance: float) -> bool:
    """Whether a loss has stopped improving.

    The mean over the last ``window`` epochs is compared with that over the
    ``window`` epochs before. The fall between them is judged against the fall
    since the first ``window`` epochs, because a log-likelihood has neither a
    natural zero nor a natural scale.

    Args:
        losses: one value an epoch.
        window: epochs of a span.
        tolerance: share of the whole fall up to which the last one is none.
    """
    if len(losses) < 2 * window:
        return False
    first, before, last = (sum(span) / window for span in (
        losses[:window], losses[-2 * window:-window], losses[-window:]))
    return before - last <= tolerance * max(first - last, 0.)


@HOOKS.register_module()
class SampleSelectionWarmupHook(Hook):
    """Lets all ROI locations learn depth until sample selection starts.

    ``mode='epoch'`` starts it at a given epoch, the published recipe.
    ``mode='stable'`` starts it after the depth loss has stopped improving, the
    paper's reason for a warm-up (MonoLSS, section 3.2). Epochs in which
    hierarchical task learning does not train depth yet don't count.

    The state is saved with the checkpoint and restored, also for a test of that
    checkpoint. Losses are averaged over all processes, so that all start alike.
    Logged as ``selecting`` (0 or 1).

    Args:
        mode: ``'epoch'`` or ``'stable'``.
        start_epoch: with ``'epoch'``, index of the first epoch that selects.
        start_fraction: in its place, the share of the training that warms up, 0-1.
        window, tolerance: with ``'stable'``, see :func:`has_settled`.

    Raises:
        InputError: the settings contradict each other, or the model has nothing
            that selects.
    """

    KEY = 'sample_selection_warmup'

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
        if window is not None and window < 1:
            raise InputError(f'warm-up window is {window}, it must be at least 1')
        self.mode = mode
        self.start_epoch = start_epoch
        self.start_fraction = start_fraction
        self.window = window
        self.tolerance = tolerance
        self.selecting = False
        self.losses: List[float] = []
        self._sum, self._count = None, 0

    def before_train(self, runner: Runner) -> None:
        if runner.iter == 0:  # weights of another training bring no state of this one
            self.selecting, self.losses = False, []
        self._apply(runner)

    def before_train_epoch(self, runner: Runner) -> None:
        if not self.selecting and self._is_due(runner):
            self.selecting = True
            print_log(f'sample selection starts at epoch {runner.epoch + 1}', 'current')
        self._apply(runner)
        runner.message_hub.update_scalar('train/selecting', float(self.selecting))
        self._sum, self._count = None, 0

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                         outputs=None) -> None:
        if self.mode == 'stable' and not self.selecting:
            loss = outputs.get('raw_depth', outputs['loss_depth']).detach().float()
            self._sum = loss if self._sum is None else self._sum + loss
            self._count += 1

    def after_train_epoch(self, runner: Runner) -> None:
        trained = _unwrap(runner.model).task_weights.get('depth', 1.) > 0
        if self._count and trained:
            mean = self._sum / self._count
            all_reduce(mean, op='mean')
            self.losses.append(mean.item())

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint[self.KEY] = dict(selecting=self.selecting, losses=self.losses)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        state = checkpoint.get(self.KEY)
        if state is not None:
            self.selecting, self.losses = state['selecting'], state['losses']
            self._apply(runner)

    def _is_due(self, runner: Runner) -> bool:
        if self.start_fraction is not None:
            return runner.epoch >= self.start_fraction * runner.max_epochs
        if self.start_epoch is not None:
            return runner.epoch >= self.start_epoch
        return has_settled(self.losses, self.window, self.tolerance)

    def _apply(self, runner: Runner) -> None:
        head = getattr(_unwrap(runner.model), 'roi_head', None)
        if not hasattr(head, 'selecting'):
            raise InputError('SampleSelectionWarmupHook: the model has no ROI head that selects '
                             'samples; remove the hook from custom_hooks')
        head.selecting = self.selecting


def _unwrap(model: torch.nn.Module) -> torch.nn.Module:
    return model.module if is_model_wrapper(model) else model
