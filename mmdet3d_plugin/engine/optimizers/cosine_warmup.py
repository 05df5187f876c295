"""Cosine-shaped learning-rate warm-up."""
import math
from typing import List

from mmengine.optim.scheduler import _ParamScheduler
from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class CosineWarmupLR(LRSchedulerMixin, _ParamScheduler):
    """Raises the rate from ``start_lr`` to the optimiser's along half a cosine.

    ``lr(t) = start + (base - start) (1 - cos(pi t / T)) / 2`` at the steps
    t = 0..T, T = ``end - begin - 1``, so that the last step of the range has the
    full rate, as in mmengine's LinearLR (MonoDLE's and GUPNet's warm-up).

    Args:
        optimizer: optimiser or its wrapper.
        start_lr: rate at ``begin``.
    """

    def __init__(self, optimizer, start_lr: float, *args, **kwargs) -> None:
        self.start_lr = start_lr
        super().__init__(optimizer, *args, **kwargs)

    @classmethod
    def build_iter_from_epoch(cls, *args, begin: int = 0, end: int, by_epoch: bool = True,
                              epoch_length: int, **kwargs) -> 'CosineWarmupLR':
        """The same warm-up stepped every iteration."""
        return cls(*args, begin=int(begin * epoch_length), end=int(end * epoch_length),
                   by_epoch=False, **kwargs)

    def _get_value(self) -> List[float]:
        share = self.last_step / max(self.end - self.begin - 1, 1)
        return [self.start_lr + (base - self.start_lr) * (1 - math.cos(math.pi * share)) / 2
                for base in self.base_values]
