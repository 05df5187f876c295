"""Quasi-isometric loss: descriptors about as far apart as the objects' depths."""
import math
from typing import Optional

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS

from ..errors import InputError
from .metric_loss_result import MetricLossResult


@MODELS.register_module()
class QuasiIsometricLoss(nn.Module):
    """Hinge loss on both bounds of a (K, B, epsilon)-quasi-isometry.

    A pair of objects counts if their depths differ by ``d_Z <= epsilon``. The Euclidean
    distance ``d_F`` of their descriptors is kept in the band
    ``d_Z / K - B <= d_F <= K d_Z + B``. Other pairs do not count, so that descriptors can
    also separate classes, sizes and headings (Choi et al., Depth-discriminative Metric
    Learning, NeurIPS 2023).

    Memory is O(N^2 + N C) for N objects with C channels.

    Args:
        K: factor of the band's bounds, at least 1 and finite.
        B: half the band's width at equal depth, at least 0, feature distance.
        epsilon: largest depth difference of a counted pair, metres; ``inf`` counts all pairs.
        average: ``'violating'`` divides the sum by the number of pairs outside the band,
            ``'valid'`` by the number of counted pairs.
        within_class: whether to count only pairs of the same class.
        loss_weight: factor of the loss.

    Raises:
        InputError: a constant is out of its range, or ``average`` is unknown.

    Example:
        >>> loss = QuasiIsometricLoss(K=2., B=1., epsilon=10.)
        >>> # Depths 4 m apart: the band is [1, 9], and 11.5 lies 2.5 above it.
        >>> result = loss(torch.tensor([[0.], [11.5]]), torch.tensor([5., 9.]))
        >>> result.loss.item(), result.logs['qi_satisfied'].item()
        (2.5, 0.0)
    """

    def __init__(self, K: float, B: float, epsilon: float, average: str = 'violating',
                 within_class: bool = False, loss_weight: float = 1.0) -> None:
        super().__init__()
        if not (1 <= K < math.inf and 0 <= B < math.inf and epsilon > 0):
            raise InputError(f'QuasiIsometricLoss: K {K}, B {B}, epsilon {epsilon}; expected '
                             'finite K >= 1 and B >= 0, and epsilon > 0')
        if average not in ('violating', 'valid'):
            raise InputError(f"QuasiIsometricLoss: average is {average!r}, expected 'violating' "
                             "or 'valid'")
        self.K = K
        self.B = B
        self.epsilon = epsilon
        self.average = average
        self.within_class = within_class
        self.loss_weight = loss_weight

    def forward(self, features: torch.Tensor, depths: torch.Tensor,
                labels: Optional[torch.Tensor] = None) -> MetricLossResult:
        """Compute the loss over all pairs of N objects.

        Args:
            features: (N, C) descriptors.
            depths: (N,) metres. An object with a NaN or infinite depth is in no pair.
            labels: (N,) class indices, needed with ``within_class``.

        Returns:
            The loss and, as ``qi_satisfied``, the share of counted pairs in the band.
            Without a counted pair the loss is a differentiable zero and the share is 1.

        Raises:
            InputError: the labels are needed and missing.
        """
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        depths = depths.to(features)
        if len(features) < 2:
            return MetricLossResult(features.sum() * 0,
                                    dict(qi_satisfied=features.new_ones(())))
        # Distances of all pairs i < j. The gradient of pdist at distance zero is zero.
        feature_distance = torch.pdist(features)
        depth_distance = torch.pdist(depths[:, None])
        counted = depth_distance <= self.epsilon
        if self.within_class:
            if labels is None:
                raise InputError('QuasiIsometricLoss: within_class needs the labels of objects')
            counted &= torch.pdist(labels[:, None].to(features)) == 0
        above = feature_distance - (self.K * depth_distance + self.B)
        below = (depth_distance / self.K - self.B) - feature_distance
        excess = torch.where(counted, above.relu() + below.relu(), 0.)
        num_counted, num_violating = counted.sum(), (excess > 0).sum()
        divisor = num_violating if self.average == 'violating' else num_counted
        satisfied = 1 - num_violating / num_counted.clamp(min=1)
        return MetricLossResult(self.loss_weight * excess.sum() / divisor.clamp(min=1),
                                dict(qi_satisfied=satisfied))
