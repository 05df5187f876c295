"""Supervised contrastive regression: descriptors ranked by label distance."""
import torch
import torch.nn as nn
from mmdet3d.registry import MODELS

from ..errors import InputError


@MODELS.register_module()
class RankNContrastLoss(nn.Module):
    """Rank-N-Contrast (Zha et al., NeurIPS 2023), the comparison to
    :class:`QuasiIsometricLoss`: it orders all pairs, however far apart.

    For an anchor i and another object j, those at least as far from i in depth are
    negatives: ``-log(exp(s_ij) / sum_k exp(s_ik))`` over k with
    ``|z_i - z_k| >= |z_i - z_j|``, ``s = -||f_i - f_j|| / tau``; mean over i and j.

    Args:
        tau: temperature.
        loss_weight: factor of the mean.

    Raises:
        InputError: ``tau`` is not positive.
    """

    def __init__(self, tau: float = 2.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        if not tau > 0:
            raise InputError(f'RankNContrastLoss: tau is {tau}, it must be positive')
        self.tau = tau
        self.loss_weight = loss_weight

    def forward(self, features: torch.Tensor, depths: torch.Tensor) -> torch.Tensor:
        """Zero with a graph for fewer than two objects of finite depth.

        Args:
            features: (N, C) descriptors.
            depths: (N,) metres; objects whose depth is not finite are left out.
        """
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        finite = depths.isfinite()
        zero = features.sum() * 0
        features, depths = features[finite], depths[finite].to(features)
        count = len(features)
        if count < 2:
            return zero
        others = ~torch.eye(count, dtype=torch.bool, device=features.device)
        scores = -torch.cdist(features, features, compute_mode='donot_use_mm_for_euclid_dist')
        scores = (scores / self.tau)[others].view(count, count - 1)
        distances = (depths[:, None] - depths).abs()[others].view(count, count - 1)
        # From the farthest to the nearest, a running sum over all that are as far.
        ascending, order = distances.sort(dim=1)
        running = scores.gather(1, order).flip(1).logcumsumexp(dim=1)
        num_as_far = count - 1 - torch.searchsorted(ascending, distances.contiguous())
        return self.loss_weight * (running.gather(1, num_as_far - 1) - scores).mean()
