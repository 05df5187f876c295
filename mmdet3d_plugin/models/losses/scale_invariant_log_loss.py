"""Scale-invariant logarithmic loss of dense depth."""
import torch
import torch.distributed.nn
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmengine.dist import get_world_size

from ...errors import InputError


@MODELS.register_module()
class ScaleInvariantLogLoss(nn.Module):
    """Scale-invariant logarithmic loss.

    ``alpha sqrt(mean(d^2) - focus mean(d)^2)`` with ``d = log(depth) - log(target)``. Eigen et
    al. (NeurIPS 2014) define the loss without the square root. BTS and NeWCRFs train with the
    square root, as does MetricDepth (section III-D).

    The means are over the valid pixels of all ranks, so that distributed training equals
    training one process on the whole batch. If no rank has a valid pixel, or if every error is
    zero, the loss is a differentiable zero with zero gradient.

    Args:
        alpha: factor of the root; 10 in BTS and NeWCRFs.
        focus: lambda in [0, 1], the weight of the squared mean error that is subtracted; 0.85
            in BTS and NeWCRFs. With 1 the loss ignores a common factor of all depths.
        eps: lower bound of the predicted depth, metres.
        loss_weight: factor of the loss.

    Raises:
        InputError: ``focus`` is not in [0, 1].

    Example:
        A prediction of twice the depth everywhere costs ``10 sqrt(1 - 0.85) log 2``.

        >>> import torch
        >>> target = torch.tensor([[[10., 20., 0.]]])
        >>> ScaleInvariantLogLoss()(2 * target, target, valid=target > 0)
        tensor(2.6845)
    """

    def __init__(self, alpha: float = 10.0, focus: float = 0.85, eps: float = 1e-6,
                 loss_weight: float = 1.0) -> None:
        super().__init__()
        if not 0 <= focus <= 1:
            raise InputError(f'ScaleInvariantLogLoss: focus is {focus}, expected 0 to 1')
        self.alpha = alpha
        self.focus = focus
        self.eps = eps
        self.loss_weight = loss_weight

    def forward(self, depth: torch.Tensor, target: torch.Tensor,
                valid: torch.Tensor) -> torch.Tensor:
        """Compute the loss. Every rank must call it.

        Args:
            depth: (B, H, W) predicted depth, metres.
            target: (B, H, W) ground truth, metres. Positive where valid; other pixels may hold
                any value.
            valid: (B, H, W) bool.

        Returns:
            The loss, a scalar in float32 or wider.
        """
        depth = depth.to(torch.promote_types(depth.dtype, torch.float32))
        # Invalid pixels are replaced before the logarithm: log(0) would give NaN gradients.
        residuals = (torch.where(valid, depth, 1).clamp(min=self.eps).log()
                     - torch.where(valid, target.to(depth), 1).log())
        sums = torch.stack([valid.sum().to(depth), residuals.sum(), residuals.square().sum()])
        if get_world_size() > 1:
            # The backward pass sums gradients over ranks. DistributedDataParallel averages them,
            # which gives the gradient of a single process with the whole batch.
            sums = torch.distributed.nn.all_reduce(sums)
        mean, mean_square = sums[1:] / sums[0].clamp(min=1)
        spread = mean_square - self.focus * mean.square()
        # The square root has no finite gradient at zero.
        root = torch.where(spread > 0, spread, 1).sqrt()
        return self.loss_weight * self.alpha * torch.where(spread > 0, root, 0 * spread)
