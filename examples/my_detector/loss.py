"""Depth loss on relative errors."""
import torch
from mmdet3d.registry import MODELS

from mmdet3d_plugin.models.losses import LaplacianAleatoricLoss


@MODELS.register_module()
class RelativeLaplacianLoss(LaplacianAleatoricLoss):
    """Laplacian loss of the relative depth error, so that far objects count like near ones.

    ``1.4142 exp(-s / 2) |z - t| / t + s / 2`` with depth z, true depth t and log-variance s.

    Example:
        An error of 1 m costs ten times as much at 10 m as at 100 m.

        >>> loss = RelativeLaplacianLoss()
        >>> depth, true_depth = torch.tensor([[11.], [101.]]), torch.tensor([[10.], [100.]])
        >>> [round(float(loss(z, 0 * z, t, 1 + 0 * z)), 4) for z, t in zip(depth, true_depth)]
        [0.1414, 0.0141]
    """

    def forward(self, prediction: torch.Tensor, log_variance: torch.Tensor,
                target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Compute the mean loss; all tensors are (M, L)."""
        return super().forward(prediction / target, log_variance, target / target, weight)
