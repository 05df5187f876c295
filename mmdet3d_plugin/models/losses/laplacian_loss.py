"""Laplacian aleatoric loss: regression with its own uncertainty."""
import torch
import torch.nn as nn
from mmdet3d.registry import MODELS

from .mean import mean_or_zero

# The published code writes sqrt(2) with five digits; kept for parity.
SQRT_2 = 1.4142


@MODELS.register_module()
class LaplacianAleatoricLoss(nn.Module):
    """Negative log-likelihood of a Laplacian with predicted log-variance.

    ``1.4142 exp(-s / 2) |prediction - target| + s / 2`` up to a constant, where
    ``s`` is the log-variance (GUPNet, equation 5; Kendall and Gal, 2017).
    Weights multiply the elementwise loss, and the mean is over all elements,
    weighted or not (the reduction of MonoLSS).

    Args:
        loss_weight: factor of the mean.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, prediction: torch.Tensor, log_variance: torch.Tensor,
                target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """All tensors have one shape, (M, L) for M objects of L locations.

        ``prediction`` and ``target`` in one unit (metres for depth).
        """
        loss = (SQRT_2 * torch.exp(-0.5 * log_variance) * (prediction - target).abs()
                + 0.5 * log_variance)
        return self.loss_weight * mean_or_zero(loss * weight)
