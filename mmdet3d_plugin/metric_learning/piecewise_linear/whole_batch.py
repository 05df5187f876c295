"""Subspaces of pieces without selection: every point of a batch is a member."""
import math

import torch
import torch.nn.functional as F

from .rank_one_update import rank_one_update
from .subspace_growth import NOISE


def whole_batch_bases(points: torch.Tensor, dim: int) -> torch.Tensor:
    """Return the main directions of the differences of all points to each point.

    With the mean c of the points and their centred scatter matrix S, the scatter matrix of
    the differences to x_i is ``S + N (x_i - c)(x_i - c)^T``. S is decomposed once, and a
    rank-one update follows for each anchor, in the at most min(N, D) dimensions that the
    points span. No direction is left out. A device is waited for.

    Args:
        points: (N, D) float64.
        dim: m.

    Returns:
        (N, D, m) with orthonormal columns, the main direction first; zero beyond the rank.

    Example:
        >>> # Seen from the first point, the second direction has more variance.
        >>> points = torch.tensor([[0., 0.], [1., 3.], [-1., 3.]], dtype=torch.double)
        >>> whole_batch_bases(points, 1)[0, :, 0].abs()
        tensor([0., 1.], dtype=torch.float64)
    """
    # Equal points have a difference of exactly zero to the first one.
    centered = points - points[0]
    centered = centered - centered.mean(dim=0)
    _, lengths, directions = torch.linalg.svd(centered, full_matrices=False)
    lengths, directions = lengths.flip(0), directions.flip(0)  # rising
    coordinates = centered @ directions.mT
    values, rotations = rank_one_update(lengths.square().expand_as(coordinates),
                                        math.sqrt(len(points)) * coordinates)
    used = min(dim, values.shape[1])
    smallest = (NOISE * values[:, -1:]).clamp(min=torch.finfo(values.dtype).tiny)
    main = torch.where((values > smallest)[:, None, -used:], rotations[..., -used:], 0.)
    bases = torch.einsum('rd,nrm->ndm', directions, main.flip(-1))
    return F.pad(bases, (0, dim - used))
