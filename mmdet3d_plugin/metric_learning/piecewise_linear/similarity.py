"""Similarity of points from their positions relative to linear pieces."""
from typing import Tuple

import torch

from .distances import pairwise_distances
from .pieces import Pieces, squared_projections


def distances_to_pieces(points: torch.Tensor, origins: torch.Tensor,
                        bases: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """Split the differences of points and origins into parts along and off the pieces.

    The arithmetic is in float64, because the orthogonal distance is a difference of squares.

    Args:
        points: (N, D).
        origins: (K, D) points on the pieces.
        bases: (K, D, m) orthonormal (or zero) columns.

    Returns:
        p ``||P_j^T v||`` and o ``||v - P_j P_j^T v||`` with v = x_i - x_j, both (N, K)
        float64.

    Example:
        >>> line = torch.tensor([[[1.], [0.]]])
        >>> p, o = distances_to_pieces(torch.tensor([[4., 3.]]), torch.tensor([[1., 1.]]), line)
        >>> round(p.item(), 6), round(o.item(), 6)
        (3.0, 2.0)
    """
    points, origins, bases = points.double(), origins.double(), bases.double()
    squared_along = squared_projections(points, origins, bases)
    squared = pairwise_distances(points, origins).square()
    return squared_along.sqrt(), (squared - squared_along).clamp(min=0).sqrt()


def similarity_to_pieces(points: torch.Tensor, origins: torch.Tensor, bases: torch.Tensor,
                         n_alpha: float = 4.0, n_beta: float = 0.5) -> torch.Tensor:
    """Return s'(i, j), the similarity of point i to the piece at origin j.

    ``s' = alpha * beta`` with ``alpha = 1 / (1 + o / 2)^n_alpha`` and
    ``beta = 1 / (1 + p)^n_beta`` (the authors' slides); p and o as in
    :func:`distances_to_pieces`.

    Args:
        points: (N, D).
        origins: (K, D).
        bases: (K, D, m).
        n_alpha: exponent of the decay off the piece.
        n_beta: exponent of the decay along the piece.

    Returns:
        (N, K) float64 in (0, 1].

    Example:
        >>> line = torch.tensor([[[1.], [0.]]])
        >>> # p = 3 and o = 2: alpha = 1 / 2^4 and beta = 1 / sqrt(4).
        >>> point, origin = torch.tensor([[3., 2.]]), torch.zeros(1, 2)
        >>> round(similarity_to_pieces(point, origin, line).item(), 6)
        0.03125
    """
    along, orthogonal = distances_to_pieces(points, origins, bases)
    return (1 + orthogonal / 2)**-n_alpha * (1 + along)**-n_beta


def piecewise_similarity(pieces: Pieces, n_alpha: float = 4.0,
                         n_beta: float = 0.5) -> torch.Tensor:
    """Return the similarity of the anchors, ``(s'(i, j) + s'(j, i)) / 2`` (ours).

    Args:
        pieces: pieces of N anchors.
        n_alpha: exponent of the decay off a piece.
        n_beta: exponent of the decay along a piece.

    Returns:
        (N, N) float64, symmetric, 1 on the diagonal.
    """
    one_sided = similarity_to_pieces(pieces.origins, pieces.origins, pieces.bases, n_alpha,
                                     n_beta)
    return (one_sided + one_sided.mT) / 2


def binary_similarity(pieces: Pieces) -> torch.Tensor:
    """Return 1 for members of each other's pieces, 1/2 for members on one side, else 0.

    The paper's ablation replaces its similarity by a binary one; this form of it is ours.

    Args:
        pieces: pieces of N anchors.

    Returns:
        (N, N) float64, symmetric, 1 on the diagonal.
    """
    one_sided = pieces.members.double().fill_diagonal_(1)
    return (one_sided + one_sided.mT) / 2


def normalize_to_nearest(similarity: torch.Tensor) -> torch.Tensor:
    """Divide each row by its largest entry off the diagonal (ours).

    The point that is most similar to an anchor then has similarity 1. Rows without a
    positive entry off the diagonal do not change.

    Args:
        similarity: (N, N), row i belongs to anchor i.

    Returns:
        (N, N), 1 on the diagonal, not symmetric in general.

    Example:
        >>> normalize_to_nearest(torch.tensor([[1., .5, .2], [.5, 1., .1], [.2, .1, 1.]]))
        tensor([[1.0000, 1.0000, 0.4000],
                [1.0000, 1.0000, 0.2000],
                [1.0000, 0.5000, 1.0000]])
    """
    if len(similarity) < 2:
        return similarity
    largest = similarity.clone().fill_diagonal_(0).amax(dim=1, keepdim=True)
    scaled = similarity / torch.where(largest > 0, largest, 1.)
    return scaled.fill_diagonal_(1)
