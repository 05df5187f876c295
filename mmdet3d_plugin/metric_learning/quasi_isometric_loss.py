"""Descriptors about as far apart as their depths, for objects near in depth."""
import math
from typing import Optional, Tuple

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS

from ..errors import InputError


@MODELS.register_module()
class QuasiIsometricLoss(nn.Module):
    """Hinge on both sides of the (K, B, epsilon)-quasi-isometry.

    For every pair of objects whose depths differ by ``d_Z <= epsilon``, the
    Euclidean distance ``d_F`` of their descriptors is held in the band
    ``d_Z / K - B <= d_F <= K d_Z + B``; pairs further apart are free, so that the
    descriptors can also tell classes, sizes and headings apart (Choi et al.,
    Depth-discriminative Metric Learning, NeurIPS 2023).

    Pairs are held in condensed form: memory is O(N^2 + N C).

    Args:
        K: stretch of the band, at least 1 and finite.
        B: half its width at equal depth, at least 0, in units of distance.
        epsilon: largest depth difference that is bound, metres; ``inf`` binds all.
        average: ``'violating'`` divides the sum by the pairs outside the band,
            ``'valid'`` by all that are bound.
        within_class: binds pairs of one class only.
        loss_weight: factor of the loss.

    Raises:
        InputError: a constant is out of its range.
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
                labels: Optional[torch.Tensor] = None) -> Tuple[torch.Tensor, torch.Tensor]:
        """The loss, and the share of bound pairs that lie in the band.

        Without a bound pair the loss is zero with a graph and the share 1. A depth
        that is not finite binds no pair.

        Args:
            features: (N, C) descriptors.
            depths: (N,) metres.
            labels: (N,) classes, needed with ``within_class``.

        Raises:
            InputError: the labels are needed and missing.
        """
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        depths = depths.to(features)
        if len(features) < 2:
            return features.sum() * 0, features.new_ones(())
        # Distances of all pairs i < j; their gradient at zero distance is zero.
        feature_distance = torch.pdist(features)
        depth_distance = torch.pdist(depths[:, None])
        bound = depth_distance <= self.epsilon
        if self.within_class:
            if labels is None:
                raise InputError('QuasiIsometricLoss: within_class needs the labels of objects')
            bound &= torch.pdist(labels[:, None].to(features)) == 0
        above = feature_distance - (self.K * depth_distance + self.B)
        below = (depth_distance / self.K - self.B) - feature_distance
        excess = torch.where(bound, above.relu() + below.relu(), 0.)
        num_bound, num_violating = bound.sum(), (excess > 0).sum()
        divisor = num_violating if self.average == 'violating' else num_bound
        satisfied = 1 - num_violating / num_bound.clamp(min=1)
        return self.loss_weight * excess.sum() / divisor.clamp(min=1), satisfied
