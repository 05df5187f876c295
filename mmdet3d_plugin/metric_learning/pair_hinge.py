"""Hinge loss on the distances between a feature map and its rolled copies.

Notation: B images, h x w cells, C channels, N shifts, G groups of pairs.
"""
from typing import List, NamedTuple, Tuple

import torch
from torch.autograd.function import once_differentiable

from .feature_sampling import Shift, subtract_at_partners, subtract_partners


class PairGroups(NamedTuple):
    """Groups of pairs by depth differential.

    Group g holds the pairs with a depth differential in ``[lower_g, upper_g)``. Group 0
    holds the positives, the other groups hold negatives. A pair in no group is ignored.

    Attributes:
        lower, upper: (G,) metres.
        margins: (G,) feature distances; zero for group 0.
    """
    lower: torch.Tensor
    upper: torch.Tensor
    margins: torch.Tensor


class _PairHinge(torch.autograd.Function):
    """Hinge sum that computes its gradient in the forward pass.

    The differences of one shift are freed before the next shift, so only one map is kept
    for the backward pass.
    """

    @staticmethod
    def forward(ctx, cells, differentials, shifts, groups):
        lower, upper, margins = (values.to(cells) for values in groups)
        # Squares of smaller differences underflow, so smaller distances are not reliable.
        least = torch.finfo(cells.dtype).tiny ** .5
        gradient, difference = torch.zeros_like(cells), torch.empty_like(cells)
        # Masks are floating point, so that matrix products compute the sums over pairs.
        member, below = cells.new_empty(2, len(margins), differentials[:1].numel())
        total = cells.new_zeros(())
        counts, distances = cells.new_zeros(2, len(margins))
        for differential, shift in zip(differentials.flatten(1), shifts):
            subtract_partners(cells, shift, out=difference)
            distance = torch.linalg.vector_norm(difference, dim=-1).flatten()
            torch.ge(differential, lower[:, None], out=member)
            member *= torch.lt(differential, upper[:, None], out=below)
            group_distances = member @ distance
            # Missing distance of negatives. Positives and ignored pairs have margin 0.
            lack = (margins @ member).sub_(distance).relu_()
            total += group_distances[0] + lack.sum()
            counts += member.sum(dim=1)
            distances += group_distances
            slope = member[0].sub_(lack.sign_()).div_(distance.clamp_(min=least))
            difference *= slope.view(difference.shape[:-1])[..., None]
            gradient += difference
            subtract_at_partners(gradient, shift, difference)
        ctx.save_for_backward(gradient)
        ctx.mark_non_differentiable(counts, distances)
        return total, counts, distances

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_total, *_):
        gradient, = ctx.saved_tensors
        return grad_total * gradient, None, None, None


def pair_hinge(feature: torch.Tensor, differentials: torch.Tensor, shifts: List[Shift],
               groups: PairGroups) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sum the costs of all pairs (MetricDepth, equations 9, 10, 12 and 13).

    With the Euclidean distance l of its two features, a positive pair costs l, and a
    negative pair of margin m costs ``max(0, m - l)``. Anchors and partners both get
    gradients; the gradient of a pair with equal features is zero.

    Args:
        feature: (B, C, h, w).
        differentials: (N, B, h, w) depth differentials of the same shifts, metres; NaN
            where unknown.
        shifts: N shifts.
        groups: groups that do not overlap.

    Returns:
        The sum and, without gradients, the number of pairs (G,) and the sum of distances
        (G,) of each group.
    """
    # Sums over channels are faster if the channels are contiguous.
    cells = feature.movedim(1, -1).contiguous()
    # Under autocast the products with masks would not be exact.
    with torch.autocast(feature.device.type, enabled=False):
        return _PairHinge.apply(cells, differentials, shifts, groups)
