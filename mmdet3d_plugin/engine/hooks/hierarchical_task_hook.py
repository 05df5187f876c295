"""Hierarchical task learning: a task starts when those it builds on settle."""
from typing import Dict, List, Optional, Sequence

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ...errors import InputError
from ...models.task_modules.process_means import mean_over_processes
from ..process_state import unwrap_model


def task_weights(history: torch.Tensor, first_trend: torch.Tensor, tasks: Sequence[str],
                 parents: Dict[str, Sequence[str]], progress: float) -> Dict[str, float]:
    """Weights of the dependent tasks (GUPNet, equations 12 to 14).

    Args:
        history: (E, T) mean losses of the last E epochs of T tasks.
        first_trend: (T,) trend of the first E epochs.
        tasks: names of the T tasks.
        parents: tasks that each dependent task builds on.
        progress: share of the training done, 0-1.

    Returns:
        For each dependent task ``progress ** (1 - prod(settled of its parents))``,
        where settled is 1 for a parent whose loss no longer falls. It is kept in
        [0, 1]: a loss that falls faster than at first is not settled at all.
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
    """(E, T) losses -> (T,) mean fall over two epochs."""
    return (history[:-2] - history[2:]).mean(dim=0)


@HOOKS.register_module()
class HierarchicalTaskHook(Hook):
    """Weighs the tasks of a detector by how far their parents have settled.

    Until ``window`` epochs are seen, dependent tasks weigh 0. Afterwards their
    weight grows with the epoch, faster once their parents' losses stop falling.
    State is saved with the checkpoint and restored on resume.

    The detector exposes ``task_weights`` (a dict that this hook fills) and logs
    ``raw_TASK`` losses, as :class:`CenterMono3D` does.

    Args:
        parents: tasks that each dependent task builds on.
        full_epoch: T, the epoch from which all weights are 1.
        window: epochs over which a trend is measured.
    """

    KEY = 'hierarchical_task'

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
        # Of the current epoch, losses over its first batches.
        self._sum: Optional[torch.Tensor] = None
        self._count = 0

    def before_train(self, runner: Runner) -> None:
        if runner.iter == 0:  # weights of another training bring no state of this one
            self.history, self.first_trend = [], []
            self._sum, self._count = None, 0

    def before_train_epoch(self, runner: Runner) -> None:
        weights = self._weights(runner.epoch)
        # Every task is named, so that the detector logs its raw loss.
        unwrap_model(runner.model).task_weights = {
            task: weights.get(task, 1.) for task in self.tasks}
        for task, weight in weights.items():
            runner.message_hub.update_scalar(f'train/weight_{task}', weight)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                         outputs=None) -> None:
        # At once, since a checkpoint is saved by one process alone.
        losses = mean_over_processes(
            torch.stack([outputs[f'raw_{task}'] for task in self.tasks]))
        self._sum = losses if self._sum is None else self._sum.to(losses) + losses
        self._count += 1

    def after_train_epoch(self, runner: Runner) -> None:
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
            return {task: 0. for task in self.parents}
        history = torch.tensor(self.history)
        if not self.first_trend:
            self.first_trend = loss_trend(history).tolist()
        progress = (epoch - self.window) / (self.full_epoch - self.window)
        return task_weights(history, torch.tensor(self.first_trend), self.tasks, self.parents,
                            min(max(progress, 0.), 1.))
