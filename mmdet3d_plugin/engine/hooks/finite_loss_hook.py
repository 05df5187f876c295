"""Stop of a training at a NaN or infinite loss."""
from collections import deque
from typing import Deque, List, NamedTuple, Optional, Sequence

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ...errors import InputError


class _Check(NamedTuple):
    """Losses of a training step; ``values`` are valid once the event ``copied`` has passed."""
    iteration: int
    names: List[str]
    values: torch.Tensor
    copied: Optional[torch.cuda.Event]
    frames: List[str]

    def has_arrived(self) -> bool:
        """Return whether ``values`` are valid."""
        return self.copied is None or self.copied.query()


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Hook that stops a training at a NaN or infinite loss and names the batch.

    The hook does not make the host wait for the device: on a GPU it checks the losses of a step
    a few steps later, on a CPU at once. Before a checkpoint is saved it checks all losses so far
    and all weights, so that checkpoints on disk hold finite weights.

    Raises:
        InputError: a loss or weight is not finite. For a loss the message names the losses, the
            iteration, and the frames of the batch.
    """

    def __init__(self) -> None:
        self._checks: Deque[_Check] = deque()

    def before_train(self, runner: Runner) -> None:
        self._checks.clear()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                         outputs: Optional[dict] = None) -> None:
        losses = {name: value for name, value in (outputs or {}).items()
                  if 'loss' in name and isinstance(value, torch.Tensor)}
        values = torch.stack([value.detach().float() for value in losses.values()])
        copied = None
        if values.is_cuda:
            values = values.to('cpu', non_blocking=True)
            copied = torch.cuda.Event()
            copied.record()
        self._checks.append(_Check(
            runner.iter + 1, list(losses), values, copied, _frames(data_batch['data_samples'])))
        while self._checks and self._checks[0].has_arrived():
            self._check(runner, self._checks.popleft())

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        while self._checks:
            check = self._checks.popleft()
            if check.copied is not None:
                check.copied.synchronize()
            self._check(runner, check)
        for name, weight in checkpoint['state_dict'].items():
            if weight.is_floating_point() and not torch.isfinite(weight).all():
                raise InputError(
                    f'weights are not finite after iteration {runner.iter} (first: {name}), so '
                    'they are not saved; go on from the checkpoint before with a lower '
                    'optim_wrapper.optimizer.lr or with optim_wrapper.clip_grad.max_norm')

    @staticmethod
    def _check(runner: Runner, check: _Check) -> None:
        finite = torch.isfinite(check.values).tolist()
        wrong = [f'{name} is {value}' for name, value, good in zip(
            check.names, check.values.tolist(), finite) if not good and name != 'loss']
        if not all(finite):
            raise InputError(
                f'{", ".join(wrong) or "loss is not finite"} at iteration {check.iteration} in '
                f'the frames {", ".join(check.frames)}; check their labels, or lower '
                f'optim_wrapper.optimizer.lr. The checkpoints in {runner.work_dir} hold finite '
                'weights')


def _frames(samples: Sequence) -> List[str]:
    """Return the frame names of samples, with the names of the frames mixed into them."""
    names = []
    for sample in samples:
        metainfo = sample.metainfo
        name = metainfo.get('frame', metainfo.get('img_path', '?'))
        partner = metainfo.get('mixed_with')
        names.append(str(name) if partner is None else f'{name} + {partner}')
    return names
