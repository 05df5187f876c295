"""L1 with elementwise weights."""
import torch
import torch.nn as nn
from mmdet3d.registry import MODELS

from .mean import mean_or_zero


@MODELS.register_module()
class WeightedL1Loss(nn.Module):
    """Mean over all elements of weighted absolute errors.

    mmdet's L1Loss asks the device whether any weight is positive, which makes the host
    wait in every step.

    Args:
        loss_weight: factor of the mean.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, prediction: torch.Tensor, target: torch.Tensor,
                weight: torch.Tensor) -> torch.Tensor:
        """All tensors have one shape."""
        return self.loss_weight * mean_or_zero((prediction - target).abs() * weight)
