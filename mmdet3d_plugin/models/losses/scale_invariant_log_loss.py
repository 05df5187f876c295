"""Scale-invariant loss of dense depth."""
import torch
import torch.distributed.nn
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmengine.dist import get_world_size

from ...errors import InputError


@MODELS.register_module()
class ScaleInvariantLogLoss(nn.Module):
    """``alpha sqrt(mean(d^2) - focus mean(d)^2)`` of ``d = log(depth) - log(target)``.

    Eigen et al. (NeurIPS 2014) introduced it; BTS and NeWCRFs train with this square root of
    it, which MetricDepth (section III-D) keeps.

    The means are over the valid pixels of all processes, so that together they learn as one
    with the whole batch would. Without a valid pixel anywhere, or without any error, the loss
    is an exact zero with a graph, and its gradient is zero as well.

    Args:
        alpha: factor of the root; 10 in BTS and NeWCRFs.
        focus: lambda, the share of the mean error that does not count, in [0, 1]; 0.85 there.
        eps: metres below which a predicted depth counts as this.
        loss_weight: factor of the loss.

    Raises:
        InputError: ``focus`` is not in [0, 1].
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
        """The loss, a scalar. Every process must call it.

        Args:
            depth: (B, H, W) predicted, metres.
            target: (B, H, W) metres; positive where valid, anything elsewhere.
            valid: (B, H, W) bool.
        """
        depth = depth.to(torch.promote_types(depth.dtype, torch.float32))
        # What is not valid is replaced before the logarithm, whose gradient it would spoil.
        residuals = (torch.where(valid, depth, 1).clamp(min=self.eps).log()
                     - torch.where(valid, target.to(depth), 1).log())
        sums = torch.stack([valid.sum().to(depth), residuals.sum(), residuals.square().sum()])
        if get_world_size() > 1:
            # Its gradients are summed over processes, which DistributedDataParallel's mean
            # makes those of one process.
            sums = torch.distributed.nn.all_reduce(sums)
        mean, mean_square = sums[1:] / sums[0].clamp(min=1)
        spread = mean_square - self.focus * mean.square()
        # The root of zero has no gradient.
        root = torch.where(spread > 0, spread, 1).sqrt()
        return self.loss_weight * self.alpha * torch.where(spread > 0, root, 0 * spread)
