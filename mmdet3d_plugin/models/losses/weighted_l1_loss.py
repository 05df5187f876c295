"""L1 loss with elementwise weights."""
import torch
import torch.nn as nn
from mmdet3d.registry import MODELS

from .mean import mean_or_zero


@MODELS.register_module()
class WeightedL1Loss(nn.Module):
    """Mean of weighted absolute errors over all elements.

    mmdet's L1Loss checks on the host whether any weight is positive, so the host waits for the
    device in every step. This loss does not.

    Args:
        loss_weight: factor of the mean.

    Example:
        >>> import torch
        >>> loss = WeightedL1Loss()
        >>> loss(prediction=torch.tensor([1., 5.]), target=torch.tensor([0., 2.]),
        ...      weight=torch.tensor([1., 2.]))
        tensor(3.5000)
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, prediction: torch.Tensor, target: torch.Tensor,
                weight: torch.Tensor) -> torch.Tensor:
        """Compute the loss, or a differentiable zero without elements.

        Args:
            prediction: predicted values, any shape.
            target: ground truth, of the same shape.
            weight: weight of each element, of the same shape.

        Returns:
            The loss, a scalar.
        """
        return self.loss_weight * mean_or_zero((prediction - target).abs() * weight)
