"""Hinge on the distances between a feature map and its rolled samples.

Legend: B images, h x w cells, C channels, N shifts, G groups of pairs.
"""
from typing import List, NamedTuple, Tuple

import torch
from torch.autograd.function import once_differentiable

from .feature_sampling import Shift, subtract_from_samples, subtract_samples


class PairGroups(NamedTuple):
    """Pairs by depth differential: group g holds those in ``[lower_g, upper_g)``. The
    first are the positives, the others negatives; a pair in none is ignored.

    Attributes:
        lower, upper: (G,) metres.
        margins: (G,) feature distances; zero for the positives.
    """
    lower: torch.Tensor
    upper: torch.Tensor
    margins: torch.Tensor


class _PairHinge(torch.autograd.Function):
    """Sums the gradient up in the forward pass, where the differences to a sample map live
    only until the next one: what waits for the backward pass is one map."""

    @staticmethod
    def forward(ctx, cells, differentials, shifts, groups):
        lower, upper, margins = (values.to(cells) for values in groups)
        # Below it the squares of a difference vanish, and a distance tells nothing.
        least = torch.finfo(cells.dtype).tiny ** .5
        gradient, difference = torch.zeros_like(cells), torch.empty_like(cells)
        # Masks as numbers, for sums over pairs are then products of matrices.
        member, below = cells.new_empty(2, len(margins), differentials[:1].numel())
        total = cells.new_zeros(())
        counts, distances = cells.new_zeros(2, len(margins))
        for differential, shift in zip(differentials.flatten(1), shifts):
            subtract_samples(cells, shift, out=difference)
            distance = torch.linalg.vector_norm(difference, dim=-1).flatten()
            torch.ge(differential, lower[:, None], out=member)
            member *= torch.lt(differential, upper[:, None], out=below)
            group_distances = member @ distance
            # No margin, no push: positives and ignored pairs have none.
            lack = (margins @ member).sub_(distance).relu_()
            total += group_distances[0] + lack.sum()
            counts += member.sum(dim=1)
            distances += group_distances
            slope = member[0].sub_(lack.sign_()).div_(distance.clamp_(min=least))
            difference *= slope.view(difference.shape[:-1])[..., None]
            gradient += difference
            subtract_from_samples(gradient, shift, difference)
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
    """The sum over pairs of MetricDepth's equations 9, 10, 12 and 13.

    With the Euclidean distance l of its features, a positive pair costs l, and a negative
    one of margin m costs ``max(0, m - l)``. Gradients reach anchors and samples alike;
    equal features have none.

    Args:
        feature: (B, C, h, w).
        differentials: (N, B, h, w) metres, of depths rolled by the same shifts; NaN where
            a pair has none.
        groups: which do not overlap.

    Returns:
        the sum and, without gradients, each group's number of pairs (G,) and sum of
        distances (G,).
    """
    # Distances are sums over channels, quick where these lie side by side.
    cells = feature.movedim(1, -1).contiguous()
    # Products with masks are to be exact.
    with torch.autocast(feature.device.type, enabled=False):
        return _PairHinge.apply(cells, differentials, shifts, groups)
