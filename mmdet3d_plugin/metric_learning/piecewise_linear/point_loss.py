"""Loss that makes distances of features follow the dissimilarities of points."""
from typing import Optional

import torch


def match_distances(distances: torch.Tensor, similarity: torch.Tensor, delta: torch.Tensor,
                    weights: Optional[torch.Tensor] = None) -> torch.Tensor:
    """Return the weighted mean of ``(delta * (1 - s) - d)^2`` (the authors' slides).

    Args:
        distances: (N, K) distances d of features.
        similarity: (N, K) similarities s, treated as constants.
        delta: scalar tensor or number, distance of features without any similarity.
        weights: (N, K), not negative; equal weights by default.

    Returns:
        Scalar; a differentiable zero if there is no weight.

    Example:
        >>> match_distances(torch.tensor([[1., .5]]), torch.tensor([[1., .5]]), 2.)
        tensor(0.6250)
    """
    similarity = similarity.detach().to(distances)
    weights = torch.ones_like(distances) if weights is None else weights.to(distances)
    errors = (delta * (1 - similarity) - distances).square()
    return (weights * errors).sum() / _nonzero(weights.sum())


def pair_weights(members: torch.Tensor, balanced: bool = False) -> torch.Tensor:
    """Return the weights of ordered pairs of points in the point loss.

    All pairs of different points count alike, as in the authors' mean. With ``balanced``
    (ours), pairs in which a point belongs to the other's piece have half of the weight in
    total, and all other pairs the other half. A group without pairs has no weight.

    Args:
        members: (N, N) bool, entry (i, j) tells whether point j belongs to piece i.
        balanced: whether both groups of pairs have the same weight.

    Returns:
        (N, N) float64, zero on the diagonal.
    """
    others = torch.ones_like(members).fill_diagonal_(False).double()
    if not balanced:
        return others
    near = (members | members.mT).double() * others
    far = others - near
    return (near / _nonzero(near.sum()) + far / _nonzero(far.sum())) / 2


def _nonzero(total: torch.Tensor) -> torch.Tensor:
    """Replace a sum of zero by one."""
    return torch.where(total > 0, total, 1.)
