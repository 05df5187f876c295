"""Balance between the losses of the base and the distillation loss."""
from typing import Dict, Tuple

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmengine.dist import all_reduce

from ..errors import InputError
from .view_synthesis import full_precision


@MODELS.register_module()
class LossBalancer(nn.Module):
    """Weights that follow the speed at which two losses fall (Dong et al. 2024).

    The loss is ``factor * (w_0 base + w_1 distil)``. With running means m of the losses in the
    current epoch and their weighted sum ``S = w_0 m_0 + w_1 m_1``:

    - The weights start at 1/2. The first iteration sets ``w = (S / 2) / m``, so both weighted
      losses are equal.
    - Each further iteration multiplies w by
      ``clip(1 + balance * (S / S' * m' / m - 1), 1 / 2, 2)``, where a prime marks the values of
      the previous iteration and ``balance = max(initial + slope * epoch, floor)``. A loss that
      falls faster than the sum gains weight in early epochs and loses it in late ones.

    The sum S takes the weights before the update. A loss with a mean of zero keeps its weight,
    and the first iteration is put off until both means are positive. The means are those over
    all ranks. All state is in buffers, which
    :class:`~mmdet3d_plugin.engine.hooks.LossBalancerHook` stores in checkpoints.
    In evaluation mode or without gradients the state stays as it is.

    Args:
        initial: ``balance`` of epoch 0.
        slope: change of ``balance`` per epoch.
        floor: smallest ``balance``.
        bounds: smallest and largest factor of a weight per iteration.
        factor: factor of the loss. The value 2 makes the initial weights 1. The released code
            multiplies by the batch size, which is not intended there; set it to do the same.

    Raises:
        InputError: ``bounds`` are not ordered and positive, or ``factor`` is not positive.

    Example:
        >>> balancer = LossBalancer()
        >>> base, distil = (torch.tensor(loss, requires_grad=True) for loss in (4., 1.))
        >>> balancer(base, distil).item(), balancer.weights.tolist()
        (5.0, [0.3125, 1.25])
    """

    def __init__(self, initial: float = 3., slope: float = -1.5, floor: float = -3.,
                 bounds: Tuple[float, float] = (0.5, 2.), factor: float = 2.) -> None:
        super().__init__()
        if not 0 < bounds[0] <= 1 <= bounds[1]:
            raise InputError(f'LossBalancer: bounds={tuple(bounds)}; the first must be in (0, 1] '
                             'and the second at least 1')
        if not factor > 0:
            raise InputError(f'LossBalancer: factor={factor} must be positive')
        self.initial, self.slope, self.floor = initial, slope, floor
        self.bounds = tuple(bounds)
        self.factor = factor
        self.in_epoch = False  # whether an epoch has started
        for name, value in dict(
                weights=torch.full((2, ), 0.5), means=torch.zeros(2),
                iterations=torch.zeros(()),  # in the current epoch
                previous_means=torch.zeros(2), previous_sum=torch.zeros(()),
                started=torch.zeros((), dtype=torch.bool), epoch=torch.zeros(())).items():
            # Not part of the weights, so that models with and without a balancer can load each
            # other's checkpoints.
            self.register_buffer(name, value, persistent=False)

    @property
    def balance(self) -> torch.Tensor:
        """Sensitivity of the weights in the current epoch, a scalar."""
        return (self.initial + self.slope * self.epoch).clamp(min=self.floor)

    def get_state(self) -> Dict[str, torch.Tensor]:
        """Return copies of all buffers by name, on the host."""
        return {name: buffer.detach().cpu().clone() for name, buffer in self.named_buffers()}

    def set_state(self, state: Dict[str, torch.Tensor]) -> None:
        """Set all buffers to the values of :meth:`get_state`."""
        for name, buffer in self.named_buffers():
            buffer.copy_(state[name])

    def start_epoch(self, epoch: int) -> None:
        """Start the running means of an epoch.

        Nothing changes if this epoch has begun already, as after a resume within an epoch.

        Args:
            epoch: number of the epoch, from 0.
        """
        new = self.epoch != epoch
        self.iterations.masked_fill_(new, 0)
        self.means.masked_fill_(new, 0)
        self.epoch.fill_(epoch)
        self.in_epoch = True

    def forward(self, base: torch.Tensor, distil: torch.Tensor) -> torch.Tensor:
        """Return the balanced loss. Every rank must call it.

        Args:
            base: scalar, sum of all losses but the distillation loss.
            distil: scalar, the distillation loss.
        """
        losses = torch.stack(full_precision(base, distil))
        if self.training and torch.is_grad_enabled():
            self._update(losses)
        return self.factor * (self.weights.clone() * losses).sum()

    @torch.no_grad()
    def _update(self, losses: torch.Tensor) -> None:
        """Update the weights from the losses (2,) of an iteration."""
        losses = losses.detach().clone()
        all_reduce(losses, op='mean')
        self.iterations += 1
        self.means += (losses - self.means) / self.iterations
        known = self.means > 0
        total = (self.weights * self.means).sum()
        equal = total / 2 / self.means.where(known, 1)
        compared = known & (self.previous_means > 0) & (self.previous_sum > 0)
        speed = total / self.previous_sum.where(compared, 1) \
            * self.previous_means / self.means.where(compared, 1)
        factors = (1 + self.balance * (speed - 1)).clamp(*self.bounds).where(compared, 1)
        first = known.all() & ~self.started
        later = torch.where(self.started, self.weights * factors, self.weights)
        self.weights.copy_(torch.where(first, equal, later))
        self.started |= first
        self.previous_means.copy_(self.means)
        self.previous_sum.copy_(total)

    def extra_repr(self) -> str:
        """Return the settings for ``print(model)``."""
        return (f'initial={self.initial}, slope={self.slope}, floor={self.floor}, '
                f'bounds={self.bounds}, factor={self.factor}')
