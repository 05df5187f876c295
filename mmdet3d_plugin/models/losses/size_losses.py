"""Losses of object sizes (height, width, length) beyond plain L1."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet3d.registry import MODELS

from ..task_modules.process_means import mean_over_processes
from .laplacian_loss import LaplacianAleatoricLoss
from .mean import mean_or_zero


@MODELS.register_module()
class DimensionAwareL1Loss(nn.Module):
    """L1 on sizes, each relative to the size itself (MonoDLE, section 3.4).

    The relative loss is scaled by a constant so that its value stays that of plain L1;
    only the share of the dimensions in the gradient changes: short ones count more. The
    constant is that of all processes.
    As in the released code of MonoDLE and MonoCon, the size is the predicted one.

    Args:
        loss_weight: factor of the mean.
        min_size: metres below which a predicted size counts as this.
    """

    def __init__(self, loss_weight: float = 1.0, min_size: float = 0.1) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.min_size = min_size

    def forward(self, sizes: torch.Tensor, target: torch.Tensor,
                weight: torch.Tensor) -> torch.Tensor:
        """Weighted mean over M objects.

        Args:
            sizes, target: (M, 3) absolute sizes, metres.
            weight: (M, 3).
        """
        plain = (sizes - target).abs() * weight
        relative = mean_or_zero(plain / sizes.detach().clamp(min=self.min_size))
        plain_mean, relative_mean = mean_over_processes(
            torch.stack([mean_or_zero(plain), relative]))
        scale = plain_mean / relative_mean.clamp(min=1e-12)
        return self.loss_weight * scale * relative


@MODELS.register_module()
class UncertainHeightSizeLoss(nn.Module):
    """L1 on width and length and a Laplacian with predicted variance on the height,
    two thirds and one third (GUPNet, section 3.3 and released code).

    Args:
        loss_weight: factor of the sum.
    """

    needs_height_variance = True

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.laplacian = LaplacianAleatoricLoss()

    def forward(self, sizes: torch.Tensor, target: torch.Tensor,
                weight: torch.Tensor) -> torch.Tensor:
        """Weighted mean over M objects.

        Args:
            sizes: (M, 4) height, width, length, metres, log-variance of the height.
            target, weight: (M, 3).
        """
        flat = mean_or_zero(
            F.l1_loss(sizes[:, 1:3], target[:, 1:], reduction='none') * weight[:, 1:])
        height = self.laplacian(sizes[:, 0], sizes[:, 3], target[:, 0], weight[:, 0])
        return self.loss_weight * (2 * flat + height) / 3
