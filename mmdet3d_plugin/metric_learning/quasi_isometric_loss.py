"""Quasi-isometric loss: descriptors about as far apart as the objects' depths."""
import math
from typing import Optional

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS

from ..errors import InputError
from .metric_loss_result import MetricLossResult


def pair_distances(features: torch.Tensor, one_sided: bool = False) -> torch.Tensor:
    """Return the Euclidean distances of all pairs i < j of N descriptors.

    Args:
        features: (N, C) descriptors.
        one_sided: whether only the first descriptor of each pair gets a gradient.

    Returns:
        (N (N - 1) / 2,) distances in the order of :func:`torch.pdist`. The gradient at
        distance zero is zero.
    """
    if not one_sided:
        return torch.pdist(features)
    first, second = torch.triu_indices(len(features), len(features), 1, device=features.device)
    # Distances by matrix products are inexact for close descriptors.
    return torch.cdist(features, features.detach(),
                       compute_mode='donot_use_mm_for_euclid_dist')[first, second]


def released_pair_loss(above: torch.Tensor, below: torch.Tensor, tau: float) -> torch.Tensor:
    """Compute the loss of the released code from the excesses of P pairs.

    With the excesses u_k of the pairs above the band and l_j of the pairs below the band, it
    is the mean over k of ``-log(e^(-u_k / tau) / (e^(-u_k / tau) + sum_j e^(-l_j / tau)))``.

    Args:
        above: (P,) excess over the upper bound, zero or less for pairs not above the band.
        below: (P,) excess under the lower bound, zero or less for pairs not below the band.
        tau: temperature, feature distance.

    Returns:
        The loss, a scalar. It is a differentiable zero without a pair above the band or
        without a pair below the band.

    Example:
        >>> # One pair 2 above the band, one pair 2 below the band: -log(1 / 2).
        >>> released_pair_loss(torch.tensor([2., -1.]), torch.tensor([-3., 2.]), tau=10.)
        tensor(0.6931)
    """
    is_above, is_below = above > 0, below > 0
    # A finite stand-in for log(0): the gradient of logsumexp over infinities alone is NaN.
    log_zero = -torch.finfo(above.dtype).max / 4
    log_sum_below = torch.logsumexp(torch.where(is_below, -below / tau, log_zero), dim=0)
    margins = torch.where(is_above, above / tau, 0.) + log_sum_below
    costs = torch.logaddexp(margins, torch.zeros_like(margins))
    return torch.where(is_above, costs, 0.).sum() / is_above.sum().clamp(min=1)


@MODELS.register_module()
class QuasiIsometricLoss(nn.Module):
    """Loss on both bounds of a (K, B, epsilon)-quasi-isometry.

    A pair of objects counts if their depths differ by ``d_Z <= epsilon``. The Euclidean
    distance ``d_F`` of their descriptors is kept in the band
    ``d_Z / K - B <= d_F <= K d_Z + B``. Other pairs do not count, so that descriptors can
    also separate classes, sizes and headings (Choi et al., Depth-discriminative Metric
    Learning, NeurIPS 2023).

    Two forms of the loss exist:

    - ``'hinge'`` follows the property as the paper states it. A pair outside the band costs
      its distance to the nearer bound, and both descriptors get a gradient.
    - ``'released'`` is the loss of the authors' released code, see
      :func:`released_pair_loss`. Pairs of equal depth do not count, and only the first
      descriptor of each pair, in the order of the objects, gets a gradient.

    The released form has a defect: the sign of its lower bound is wrong. Its loss falls when a
    pair below the band gets closer, so it draws descriptors that are too close even closer.
    Also, it is zero without a gradient unless the batch holds pairs above the band and pairs
    below the band. Use it to repeat the authors' training, and the hinge otherwise.

    Memory is O(N^2 + N C) for N objects with C channels.

    Args:
        K: factor of the band's bounds, at least 1 and finite.
        B: half the band's width at equal depth, at least 0, feature distance.
        epsilon: largest depth difference of a counted pair, metres; ``inf`` counts all pairs
            of objects with finite depths.
        average: divisor of the hinge. ``'violating'`` divides the sum by the number of pairs
            outside the band, ``'valid'`` by the number of counted pairs. The released form
            always averages over the pairs above the band.
        within_class: whether to count only pairs of the same class.
        loss_weight: factor of the loss.
        form: ``'hinge'`` or ``'released'``.
        tau: temperature of the released form, feature distance.

    Raises:
        InputError: a constant is out of its range, or ``average`` or ``form`` is unknown.

    Example:
        >>> loss = QuasiIsometricLoss(K=2., B=1., epsilon=10.)
        >>> # Depths 4 m apart: the band is [1, 9], and 11.5 lies 2.5 above it.
        >>> result = loss(torch.tensor([[0.], [11.5]]), torch.tensor([5., 9.]))
        >>> result.loss.item(), result.logs['qi_satisfied'].item()
        (2.5, 0.0)

        >>> # The loss of the released code moves two descriptors that are too close.
        >>> close = torch.tensor([[0.], [1.], [30.], [60.]], requires_grad=True)
        >>> depths = torch.tensor([5., 13., 80., 81.])  # bands of the two pairs: [3, 17], [0, 3]
        >>> released = QuasiIsometricLoss(K=2., B=1., epsilon=10., form='released')
        >>> released(close, depths).loss.backward()
        >>> step = -close.grad[:, 0]
        >>> bool(step[0] > 0), bool(step[1] == 0)  # towards the other one, which does not move
        (True, True)
    """

    def __init__(self, K: float, B: float, epsilon: float, average: str = 'violating',
                 within_class: bool = False, loss_weight: float = 1.0, form: str = 'hinge',
                 tau: float = 10.0) -> None:
        super().__init__()
        if not (1 <= K < math.inf and 0 <= B < math.inf and epsilon > 0):
            raise InputError(f'QuasiIsometricLoss: K {K}, B {B}, epsilon {epsilon}; expected '
                             'finite K >= 1 and B >= 0, and epsilon > 0')
        if average not in ('violating', 'valid'):
            raise InputError(f"QuasiIsometricLoss: average is {average!r}, expected 'violating' "
                             "or 'valid'")
        if form not in ('hinge', 'released'):
            raise InputError(f"QuasiIsometricLoss: form is {form!r}, expected 'hinge' or "
                             "'released'")
        if not 0 < tau < math.inf:
            raise InputError(f'QuasiIsometricLoss: tau is {tau}, it must be positive and finite')
        self.K = K
        self.B = B
        self.epsilon = epsilon
        self.average = average
        self.within_class = within_class
        self.loss_weight = loss_weight
        self.form = form
        self.tau = tau

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
        released = self.form == 'released'
        feature_distance = pair_distances(features, one_sided=released)
        depth_distance = torch.pdist(depths[:, None])
        counted = self._counted(depth_distance, labels)
        if released:
            counted &= depth_distance > 0
        upper = feature_distance - (self.K * depth_distance + self.B)
        lower = (depth_distance / self.K - self.B) - feature_distance
        # Bounds of pairs that do not count may be NaN.
        above, below = (torch.where(counted, excess, 0.).relu() for excess in (upper, lower))
        num_counted = counted.sum()
        num_violating = (above + below > 0).sum()
        if released:
            loss = self.loss_weight * released_pair_loss(above, below, self.tau)
        else:
            divisor = num_violating if self.average == 'violating' else num_counted
            loss = self.loss_weight * (above + below).sum() / divisor.clamp(min=1)
        satisfied = 1 - num_violating / num_counted.clamp(min=1)
        return MetricLossResult(loss, dict(qi_satisfied=satisfied))

    def _counted(self, depth_distance: torch.Tensor,
                 labels: Optional[torch.Tensor]) -> torch.Tensor:
        """Return which pairs lie within epsilon and, if needed, within a class, (P,) bool."""
        # Depth distances to infinite depths are infinite or NaN.
        counted = depth_distance.isfinite() & (depth_distance <= self.epsilon)
        if self.within_class:
            if labels is None:
                raise InputError('QuasiIsometricLoss: within_class needs the labels of objects')
            counted &= torch.pdist(labels[:, None].to(depth_distance)) == 0
        return counted
