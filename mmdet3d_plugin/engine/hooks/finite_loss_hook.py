"""A training whose loss is no number any more stops, and says where."""
from collections import deque
from typing import Deque, List, NamedTuple, Optional, Sequence

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ...errors import InputError


class _Check(NamedTuple):
    """What a step's losses were, as soon as ``copied`` says that the host knows."""
    iteration: int
    names: List[str]
    values: torch.Tensor
    copied: Optional[torch.cuda.Event]
    frames: List[str]


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stops at a NaN or infinite loss, and never saves weights that are not finite.

    Losses are looked at once the device has them ready, without waiting for it: on a GPU
    the training stops a few steps late, on a CPU at once. Before a checkpoint is saved
    all of them are looked at, and its weights too, so the last one on disk is good.

    Raises:
        InputError: naming the losses, the iteration and the frames of its batch.
    """

    def __init__(self) -> None:
        self._checks: Deque[_Check] = deque()

    def before_train(self, runner: Runner) -> None:
        self._checks.clear()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                         outputs: Optional[dict] = None) -> None:
        losses = {name: value for name, value in outputs.items()
                  if 'loss' in name and isinstance(value, torch.Tensor)}
        values = torch.stack([value.detach().float() for value in losses.values()])
        copied = None
        if values.is_cuda:
            values = values.to('cpu', non_blocking=True)
            copied = torch.cuda.Event()
            copied.record()
        self._checks.append(_Check(
            runner.iter + 1, list(losses), values, copied, _frames(data_batch['data_samples'])))
        while self._checks and (copied is None or self._checks[0].copied.query()):
            self._judge(runner, self._checks.popleft())

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        while self._checks:
            check = self._checks.popleft()
            check.copied.synchronize()
            self._judge(runner, check)
        for name, weight in checkpoint['state_dict'].items():
            if weight.is_floating_point() and not torch.isfinite(weight).all():
                raise InputError(
                    f'weights are not finite after iteration {runner.iter} (first: {name}), so '
                    'they are not saved; go on from the checkpoint before with a lower '
                    'optim_wrapper.optimizer.lr or with optim_wrapper.clip_grad.max_norm')

    @staticmethod
    def _judge(runner: Runner, check: _Check) -> None:
        finite = torch.isfinite(check.values).tolist()
        wrong = [f'{name} is {value}' for name, value, good in zip(
            check.names, check.values.tolist(), finite) if not good and name != 'loss']
        if not all(finite):
            raise InputError(
                f'{", ".join(wrong) or "loss is not finite"} at iteration {check.iteration} in '
                f'the frames {", ".join(check.frames)}; check their labels, or lower '
                f'optim_wrapper.optimizer.lr. The checkpoints in {runner.work_dir} are good')


def _frames(samples: Sequence) -> List[str]:
    """How a user finds the samples again: frame names, with those mixed in."""
    names = []
    for sample in samples:
        facts = sample.metainfo
        name = facts.get('frame', facts.get('img_path', '?'))
        names.append(f'{name} + {facts["mixed_with"]}' if 'mixed_with' in facts else str(name))
    return names
