"""Linear pieces of a manifold: one subspace through each point of a batch."""
from typing import NamedTuple

import torch

from ...errors import InputError
from .distances import pairwise_distances
from .subspace_growth import SubspaceGrowth
from .threshold_rules import REFITTING_RULES, RULES, keeps_share
from .whole_batch import whole_batch_bases

# Points are taken as equal below this squared distance, relative to the largest of the batch.
EQUAL = 1e-12


class Pieces(NamedTuple):
    """Pieces of N anchors in D dimensions.

    Attributes:
        origins: (N, D) float64, the anchors.
        bases: (N, D, m) float64 with orthonormal columns, the main direction first. If the
            members span fewer than m dimensions, the last columns are zero.
        members: (N, N) bool; entry (i, j) tells whether point j belongs to the piece at
            anchor i. The anchor itself is not counted.
    """
    origins: torch.Tensor
    bases: torch.Tensor
    members: torch.Tensor


@torch.no_grad()
def grow_pieces(points: torch.Tensor, dim: int = 3, rule: str = 'each',
                threshold: float = 0.9) -> Pieces:
    """Grow a linear piece at every point of a batch.

    A piece starts from the ``dim`` nearest points. The other points follow in order of their
    distance. A point joins if the piece does not breach the threshold; otherwise it is
    skipped, and farther points are still tried. The subspace passes through the anchor and
    is the PCA subspace of the members' differences to it.

    Rules, all of them ours:

    - ``'each'``: after refitting, every member keeps at least ``threshold`` of its own squared
      distance to the anchor inside the subspace.
    - ``'seed'``: the same in the subspace of the first ``dim`` points, without refitting.
    - ``'share'``: after refitting, the subspace keeps at least ``threshold`` of the members'
      summed squared distances. Far points outweigh near ones.
    - ``'all'``: every point of the batch joins, for the paper's ablation without selection of a
      subset. The threshold is not used.

    All anchors are computed at once in float64 from the distances of the points. The host
    does not wait for a device. The memory is O(N^2 + ND). Fits are exact up to rounding while
    the members span at most ``subspace_growth.MAX_RANK`` dimensions; beyond, the directions
    of least variance are left out. Rule ``'all'`` is exact at any rank, needs O(N min(N, D)^2)
    memory, and waits for the device.

    Args:
        points: (N, D) embeddings.
        dim: m, dimension of the pieces (ours: 3).
        rule: ``'each'``, ``'seed'``, ``'share'`` or ``'all'``.
        threshold: T (ours: 0.9).

    Returns:
        The pieces, without gradient.

    Raises:
        InputError: ``points`` is not a matrix of floats, or a setting is out of its range.

    Example:
        >>> # Four points on a line and one beside it; pieces are lines.
        >>> points = torch.tensor([[0., 0.], [1., 0.], [2., 0.], [2., 2.], [5., 0.]])
        >>> grow_pieces(points, dim=1).members[0]
        tensor([False,  True,  True, False,  True])
    """
    check_piece_settings('grow_pieces', dim, rule, threshold)
    if points.dim() != 2 or not points.is_floating_point():
        raise InputError(f'grow_pieces: points are {tuple(points.shape)} {points.dtype}, '
                         'expected (N, D) floats')
    points = points.detach().double()
    count, size = points.shape
    squared = pairwise_distances(points, points).square()
    if count < 2:
        bases = points.new_zeros(count, size, dim)
        return Pieces(points, bases, torch.zeros_like(squared, dtype=torch.bool))
    if rule == 'all':
        members = torch.ones_like(squared, dtype=torch.bool).fill_diagonal_(False)
        return Pieces(points, whole_batch_bases(points, dim), members)
    squared = torch.where(squared > EQUAL * squared.amax(), squared, 0.)
    order = squared.clone().fill_diagonal_(-1).argsort(dim=1, stable=True)[:, 1:]
    growth = SubspaceGrowth(squared, order, size, dim)
    growth.add_seeds()
    if rule in REFITTING_RULES:
        growth.add_others(REFITTING_RULES[rule], threshold)
    bases = growth.bases(points)
    members = growth.members()
    if rule == 'seed':
        members |= keeps_share(squared_projections(points, points, bases).mT, squared, threshold)
        members.fill_diagonal_(False)
    return Pieces(points, bases, members)


def check_piece_settings(name: str, dim: int, rule: str, threshold: float) -> None:
    """Raise InputError, in the name of a caller, for settings out of their range."""
    if rule not in RULES:
        raise InputError(f'{name}: rule is {rule!r}, expected one of {", ".join(RULES)}')
    if dim < 1 or not 0 < threshold <= 1:
        raise InputError(f'{name}: dim {dim}, threshold {threshold}; expected dim >= 1 and a '
                         'threshold in (0, 1]')


def squared_projections(points: torch.Tensor, origins: torch.Tensor,
                        bases: torch.Tensor) -> torch.Tensor:
    """Return the squared distances of points to origins inside the pieces.

    Args:
        points: (N, D).
        origins: (K, D).
        bases: (K, D, m).

    Returns:
        (N, K).
    """
    shift = origins.mean(dim=0)
    coordinates = torch.einsum('nd,kdm->nkm', points - shift, bases)
    own = torch.einsum('kd,kdm->km', origins - shift, bases)
    return (coordinates - own).square().sum(dim=-1)
