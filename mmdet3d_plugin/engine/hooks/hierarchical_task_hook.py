"""Hierarchical task learning: a task gains weight as its parent tasks converge."""
from typing import Any, Dict, List, Optional, Sequence

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ...errors import InputError
from ...models.task_modules.rank_means import mean_over_ranks
from ..process_state import unwrap_model
from ..state_forms import COUNT, NUMBER, NUMBERS, TEXT, Form, first_misfit, optional


def task_weights(history: torch.Tensor, first_trend: torch.Tensor, tasks: Sequence[str],
                 parents: Dict[str, Sequence[str]], progress: float) -> Dict[str, float]:
    """Return the loss weights of dependent tasks (GUPNet, equations 12 to 14).

    The weight of a task is ``progress ** (1 - product)`` with the product of ``settled`` over
    its parents. ``settled = 1 - trend / first_trend``, clamped to [0, 1], is 1 for a parent
    with a constant or rising loss, and 0 for a loss that falls as fast as at first, or faster.

    Args:
        history: (E, T) mean losses of T tasks over the last E epochs.
        first_trend: (T,) trend of the first E epochs, see :func:`loss_trend`.
        tasks: names of the T tasks.
        parents: names of the parent tasks of each dependent task.
        progress: share of the training that is done, in [0, 1].

    Returns:
        Weight in [0, 1] of each dependent task.

    Example:
        >>> history = torch.tensor([[4.], [3.], [3.], [2.], [2.]])
        >>> weights = task_weights(history, torch.tensor([2.]), ['a'], dict(b=['a']), .25)
        >>> round(weights['b'], 2)  # settled is 1 - 1 / 2
        0.5
    """
    settled = (1 - loss_trend(history) / first_trend).nan_to_num(1.).clamp(0, 1)
    settled = dict(zip(tasks, settled.tolist()))
    weights = {}
    for task, needed in parents.items():
        product = 1.
        for parent in needed:
            product *= settled[parent]
        weights[task] = progress ** (1 - product)
    return weights


def loss_trend(history: torch.Tensor) -> torch.Tensor:
    """Return the (T,) mean decrease over two epochs of losses (E, T)."""
    return (history[:-2] - history[2:]).mean(dim=0)


def is_task_state(state: Any) -> bool:
    """Return whether a value is the state of a :class:`HierarchicalTaskHook`."""
    form = {'tasks': [TEXT], 'history': [[NUMBER]], 'first_trend': [NUMBER],
            'epoch_sum?': optional(NUMBERS), 'epoch_count?': COUNT}
    if first_misfit(state, form, '') is not None:
        return False
    rows = [*state['history'], state['first_trend'] or state['tasks']]
    if state.get('epoch_sum') is not None:
        rows.append(state['epoch_sum'])
    return all(len(row) == len(state['tasks']) for row in rows)


@HOOKS.register_module()
class HierarchicalTaskHook(Hook):
    """Hook that weighs the tasks of a detector by the convergence of their parent tasks.

    Dependent tasks have weight 0 for the first ``window`` epochs. Then their weight grows with
    the epoch, and grows faster once the losses of their parents stop falling. Losses are means
    over ranks. The state is saved in checkpoints and restored on resume.

    The detector has to have the attribute ``task_weights``, a dict that the hook fills, and to
    return ``raw_TASK`` losses, as :class:`CenterMono3D` does.

    Args:
        parents: names of the parent tasks of each dependent task.
        full_epoch: epoch from which all weights are 1; T of the paper.
        window: number of epochs over which a trend is measured.

    Raises:
        InputError: ``full_epoch`` does not exceed ``window``.
    """

    KEY = 'hierarchical_task'
    STATE_FORM = Form('losses per epoch and task', is_task_state)

    def __init__(self, parents: Dict[str, Sequence[str]], full_epoch: int,
                 window: int = 5) -> None:
        if full_epoch <= window:
            raise InputError(f'full_epoch ({full_epoch}) must exceed window ({window})')
        self.parents = parents
        self.full_epoch = full_epoch
        self.window = window
        self.tasks = sorted({task for item in parents.items() for task in (item[0], *item[1])})
        self.history: List[List[float]] = []
        self.first_trend: List[float] = []
        # Sum and number of the losses of the current epoch so far.
        self._sum: Optional[torch.Tensor] = None
        self._count = 0

    def before_train(self, runner: Runner) -> None:
        if runner.iter == 0:  # load_from also loads the state of the other training
            self.history, self.first_trend = [], []
            self._sum, self._count = None, 0

    def before_train_epoch(self, runner: Runner) -> None:
        weights = self._weights(runner.epoch)
        # The detector returns raw losses of the tasks in this dict only.
        unwrap_model(runner.model).task_weights = {
            task: weights.get(task, 1.) for task in self.tasks}
        for task, weight in weights.items():
            runner.message_hub.update_scalar(f'train/weight_{task}', weight)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                         outputs=None) -> None:
        # Reduced in every step, since rank 0 alone saves a checkpoint.
        losses = mean_over_ranks(
            torch.stack([outputs[f'raw_{task}'] for task in self.tasks]))
        self._sum = losses if self._sum is None else self._sum.to(losses) + losses
        self._count += 1

    def after_train_epoch(self, runner: Runner) -> None:
        assert self._sum is not None
        mean = (self._sum / self._count).tolist()
        self.history = [*self.history, mean][-self.window:]
        self._sum, self._count = None, 0

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint[self.KEY] = dict(
            tasks=self.tasks, history=self.history, first_trend=self.first_trend,
            epoch_sum=None if self._sum is None else self._sum.cpu(), epoch_count=self._count)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        state = checkpoint.get(self.KEY)
        if state is not None and state['tasks'] == self.tasks:
            self.history, self.first_trend = state['history'], state['first_trend']
            self._sum, self._count = state.get('epoch_sum'), state.get('epoch_count', 0)

    def _weights(self, epoch: int) -> Dict[str, float]:
        if len(self.history) < self.window:
            return dict.fromkeys(self.parents, 0.0)
        history = torch.tensor(self.history)
        if not self.first_trend:
            self.first_trend = loss_trend(history).tolist()
        progress = (epoch - self.window) / (self.full_epoch - self.window)
        return task_weights(history, torch.tensor(self.first_trend), self.tasks, self.parents,
                            min(max(progress, 0.), 1.))
