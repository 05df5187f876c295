"""Laplacian aleatoric loss: regression with a predicted uncertainty."""
import torch
import torch.nn as nn
from mmdet3d.registry import MODELS

from .mean import mean_or_zero

# sqrt(2) with five digits, as in the published code.
SQRT_2 = 1.4142


@MODELS.register_module()
class LaplacianAleatoricLoss(nn.Module):
    """Negative log-likelihood of a Laplacian with predicted log-variance.

    ``1.4142 exp(-s / 2) |prediction - target| + s / 2`` up to a constant, where ``s`` is the
    log-variance (GUPNet, equation 5; Kendall and Gal, 2017). Weights multiply the elementwise
    loss. The sum is divided by the number of elements, not by the sum of the weights, as in
    MonoLSS.

    Args:
        loss_weight: factor of the mean.

    Example:
        An error of 1 m with log-variance 0 costs 1.4142; an exact prediction costs 0.

        >>> import torch
        >>> loss = LaplacianAleatoricLoss()
        >>> loss(prediction=torch.tensor([[10., 12.]]), log_variance=torch.zeros(1, 2),
        ...      target=torch.tensor([[11., 12.]]), weight=torch.ones(1, 2))
        tensor(0.7071)
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, prediction: torch.Tensor, log_variance: torch.Tensor,
                target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Compute the weighted mean loss, or a differentiable zero without elements.

        All tensors have the same shape, such as (M, L) for M objects with L locations each.

        Args:
            prediction: predicted values, such as depth in metres.
            log_variance: predicted log-variance of each value.
            target: ground truth, in the unit of ``prediction``.
            weight: weight of each element.

        Returns:
            The loss, a scalar.
        """
        loss = (SQRT_2 * torch.exp(-0.5 * log_variance) * (prediction - target).abs()
                + 0.5 * log_variance)
        return self.loss_weight * mean_or_zero(loss * weight)
