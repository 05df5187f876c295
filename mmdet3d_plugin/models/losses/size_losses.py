"""Losses of 3D object sizes (height, width, length)."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet3d.registry import MODELS

from ...errors import InputError
from ..task_modules.rank_means import mean_over_ranks
from .laplacian_loss import LaplacianAleatoricLoss
from .mean import mean_or_zero


@MODELS.register_module()
class DimensionAwareL1Loss(nn.Module):
    """L1 on sizes relative to the true or the predicted size (MonoDLE, section 3.4).

    ``scale mean(|size - target| / divisor)``. The constant ``scale`` is computed over all ranks
    and carries no gradient. It makes the value equal to that of plain L1, so only the gradient
    changes: short dimensions weigh more than long ones. The divisor carries no gradient either.

    Args:
        loss_weight: factor of the mean.
        min_size: lower bound of the divisor, metres.
        divisor: ``'target'`` divides by the ground-truth size (released code of MonoDLE),
            ``'prediction'`` by the predicted size (released code of MonoCon).

    Raises:
        InputError: ``divisor`` is neither ``'target'`` nor ``'prediction'``.

    Example:
        The value is that of plain L1, (0.1 + 0.2 + 0.6) / 3. The gradients are proportional to
        1 / 1.5, 1 / 2 and 1 / 4.

        >>> import torch
        >>> target = torch.tensor([[1.5, 2.0, 4.0]])
        >>> sizes = (target + torch.tensor([.1, .2, .6])).requires_grad_()
        >>> loss = DimensionAwareL1Loss(divisor='target')(sizes, target, torch.ones(1, 3))
        >>> round(loss.item(), 4)
        0.3
        >>> loss.backward()
        >>> sizes.grad / sizes.grad.sum()
        tensor([[0.4706, 0.3529, 0.1765]])
    """

    def __init__(self, loss_weight: float = 1.0, min_size: float = 0.1,
                 divisor: str = 'prediction') -> None:
        super().__init__()
        if divisor not in ('target', 'prediction'):
            raise InputError(f'DimensionAwareL1Loss: divisor is {divisor!r}, expected '
                             "'target' or 'prediction'")
        self.loss_weight = loss_weight
        self.min_size = min_size
        self.divisor = divisor

    def forward(self, sizes: torch.Tensor, target: torch.Tensor,
                weight: torch.Tensor) -> torch.Tensor:
        """Compute the weighted mean loss of M objects. Every rank must call it.

        Args:
            sizes: (M, 3) predicted height, width and length, metres.
            target: (M, 3) ground-truth height, width and length, metres.
            weight: (M, 3) weight of each element.

        Returns:
            The loss, a scalar.
        """
        plain = (sizes - target).abs() * weight
        divisor = target if self.divisor == 'target' else sizes.detach()
        relative = mean_or_zero(plain / divisor.clamp(min=self.min_size))
        plain_mean, relative_mean = mean_over_ranks(
            torch.stack([mean_or_zero(plain), relative]))
        scale = plain_mean / relative_mean.clamp(min=1e-12)
        return self.loss_weight * scale * relative


@MODELS.register_module()
class UncertainHeightSizeLoss(nn.Module):
    """L1 on width and length, and a Laplacian with predicted log-variance on the height.

    ``(2 L1 + Laplacian) / 3`` (GUPNet, section 3.3 and released code), see
    :class:`LaplacianAleatoricLoss`.

    Args:
        loss_weight: factor of the sum.

    Attributes:
        num_size_outputs: values per object that the size branch must predict.

    Example:
        >>> import torch
        >>> sizes = torch.tensor([[1.5, 1.6, 4.0, 0.0]])
        >>> loss = UncertainHeightSizeLoss()
        >>> loss(sizes, target=torch.tensor([[1.5, 1.6, 3.7]]), weight=torch.ones(1, 3))
        tensor(0.1000)
    """

    num_size_outputs = 4

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.laplacian = LaplacianAleatoricLoss()

    def forward(self, sizes: torch.Tensor, target: torch.Tensor,
                weight: torch.Tensor) -> torch.Tensor:
        """Compute the weighted mean loss of M objects.

        Args:
            sizes: (M, 4) predicted height, width and length, metres, and the log-variance of the
                height.
            target: (M, 3) ground-truth height, width and length, metres.
            weight: (M, 3) weight of each element.

        Returns:
            The loss, a scalar.
        """
        flat = mean_or_zero(
            F.l1_loss(sizes[:, 1:3], target[:, 1:], reduction='none') * weight[:, 1:])
        height = self.laplacian(sizes[:, 0], sizes[:, 3], target[:, 0], weight[:, 0])
        return self.loss_weight * (2 * flat + height) / 3
