"""Rank-N-Contrast loss: descriptors ranked by the distance of their depths."""
from typing import Optional

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS

from ..errors import InputError
from .metric_loss_result import MetricLossResult


@MODELS.register_module()
class RankNContrastLoss(nn.Module):
    """Contrastive regression loss over all pairs (Zha et al., Rank-N-Contrast, NeurIPS 2023).

    Unlike :class:`QuasiIsometricLoss` it orders all pairs, at any depth difference.

    For an anchor i and another object j, the negatives are the objects k that are at least
    as far from i in depth: ``|z_i - z_k| >= |z_i - z_j|``. The loss of (i, j) is
    ``-log(exp(s_ij) / sum_k exp(s_ik))`` with ``s_ij = -||f_i - f_j|| / tau``. The result is
    the mean over all ordered pairs (i, j).

    Args:
        tau: temperature.
        loss_weight: factor of the mean.

    Raises:
        InputError: ``tau`` is not positive.

    Example:
        >>> depths = torch.tensor([5., 6., 20.])
        >>> ordered = RankNContrastLoss()(depths[:, None], depths).loss
        >>> shuffled = RankNContrastLoss()(depths[[2, 0, 1], None], depths).loss
        >>> bool(ordered < shuffled)
        True
    """

    def __init__(self, tau: float = 2.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        if not tau > 0:
            raise InputError(f'RankNContrastLoss: tau is {tau}, it must be positive')
        self.tau = tau
        self.loss_weight = loss_weight

    def forward(self, features: torch.Tensor, depths: torch.Tensor,
                labels: Optional[torch.Tensor] = None) -> MetricLossResult:
        """Compute the loss over all pairs of N objects.

        Args:
            features: (N, C) descriptors.
            depths: (N,) metres. Objects with a NaN or infinite depth are left out.
            labels: not used; an argument of all losses over objects.

        Returns:
            The loss, without logs. For fewer than two objects of finite depth it is a
            differentiable zero.
        """
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        finite = depths.isfinite()
        zero = features.sum() * 0
        features, depths = features[finite], depths[finite].to(features)
        count = len(features)
        if count < 2:
            return MetricLossResult(zero, {})
        others = ~torch.eye(count, dtype=torch.bool, device=features.device)
        scores = -torch.cdist(features, features, compute_mode='donot_use_mm_for_euclid_dist')
        scores = (scores / self.tau)[others].view(count, count - 1)
        distances = (depths[:, None] - depths).abs()[others].view(count, count - 1)
        # Entry n of each row is the log-sum-exp over the n + 1 farthest objects.
        ascending, order = distances.sort(dim=1)
        running = scores.gather(1, order).flip(1).logcumsumexp(dim=1)
        num_as_far = count - 1 - torch.searchsorted(ascending, distances.contiguous())
        mean = (running.gather(1, num_as_far - 1) - scores).mean()
        return MetricLossResult(self.loss_weight * mean, {})
