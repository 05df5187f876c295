"""Learning-rate warm-up along a cosine."""
import math
from typing import List

from mmengine.optim.scheduler import _ParamScheduler
from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class CosineWarmupLR(LRSchedulerMixin, _ParamScheduler):
    """Learning-rate warm-up along half a cosine, as in MonoDLE and GUPNet.

    ``lr(t) = start + (base - start) (1 - cos(pi t / T)) / 2`` at the steps t = 0..T with
    T = ``end - begin - 1``. The last step of the range has the learning rate of the optimiser,
    ``base``, as with mmengine's LinearLR.

    Args:
        optimizer: optimiser or its wrapper.
        start_lr: learning rate at ``begin``.
        args: further positional arguments of mmengine's schedulers.
        kwargs: further arguments of mmengine's schedulers, such as ``begin`` and ``end``.

    Example:
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.)
        >>> warmup = CosineWarmupLR(optimizer, start_lr=0., begin=0, end=3)
        >>> rates = []
        >>> for _ in range(3):
        ...     rates.append(round(optimizer.param_groups[0]['lr'], 3))
        ...     optimizer.step()
        ...     warmup.step()
        >>> rates
        [0.0, 0.5, 1.0]
    """

    def __init__(self, optimizer, start_lr: float, *args, **kwargs) -> None:
        self.start_lr = start_lr
        super().__init__(optimizer, *args, **kwargs)

    @classmethod
    def build_iter_from_epoch(cls, *args, begin: int = 0, end: int, by_epoch: bool = True,
                              epoch_length: int, **kwargs) -> 'CosineWarmupLR':
        """Build the same warm-up with one step per iteration."""
        return cls(*args, begin=int(begin * epoch_length), end=int(end * epoch_length),
                   by_epoch=False, **kwargs)

    def _get_value(self) -> List[float]:
        share = self.last_step / max(self.end - self.begin - 1, 1)
        return [self.start_lr + (base - self.start_lr) * (1 - math.cos(math.pi * share)) / 2
                for base in self.base_values]
