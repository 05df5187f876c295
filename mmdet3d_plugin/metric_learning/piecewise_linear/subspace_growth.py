"""Incremental PCA of many growing sets of points at once.

Notation: N anchors, each with the other N - 1 points in its own order; m dimensions. The data
matrix of an anchor has the differences of its members to the anchor as rows. Its thin
decomposition is ``scores @ directions``: the columns of the scores are orthogonal, and their
squared lengths are the eigenvalues. The directions need D numbers each and are not stored.
Inner products of differences follow from distances: 2 a.b = |a|^2 + |b|^2 - |a - b|^2.
"""
from typing import Callable, List

import torch
import torch.nn.functional as F

from .rank_one_update import rank_one_update

# Directions of PCA that are kept per anchor.
MAX_RANK = 48
# Variance, relative to the largest, below which a direction is rounding error.
NOISE = 1e-12


class SubspaceGrowth:
    """State of the growing sets.

    Args:
        squared: (N, N) float64 squared distances of the points; 0 for equal points.
        order: (N, N - 1) indices of the other points, in the order in which they are tried.
        size: D; the members span at most D dimensions.
        dim: m.
    """

    def __init__(self, squared: torch.Tensor, order: torch.Tensor, size: int,
                 dim: int) -> None:
        count, others = order.shape
        self.squared = squared
        self.order = order
        self.dim = dim
        self.rank = min(max(MAX_RANK, dim), others, size)
        self.ordered = squared.gather(1, order)
        self.is_member = torch.zeros_like(order, dtype=torch.bool)
        # Eigenvalues rise. Columns that are not in use come first and are zero.
        self.values = squared.new_zeros(count, self.rank)
        self.scores = squared.new_zeros(count, others, self.rank)

    def add_seeds(self) -> None:
        """Add the first m points of every anchor."""
        for slot in range(min(self.dim, self.order.shape[1])):
            self._try(slot, lambda kept, squared: torch.ones_like(kept[:, 0], dtype=torch.bool))

    def add_others(self, rule: Callable, threshold: float) -> None:
        """Try all points after the seeds; a point that breaches the rule is skipped.

        Args:
            rule: function of kept squared distances (N, k), squared distances (N, k) and the
                threshold that returns (N,) bool.
            threshold: T.
        """
        for slot in range(self.dim, self.order.shape[1]):
            self._try(slot, lambda kept, squared: rule(kept, squared, threshold))

    def members(self) -> torch.Tensor:
        """Return the members by index of anchor and point, (N, N) bool."""
        members = torch.zeros_like(self.squared, dtype=torch.bool)
        return members.scatter_(1, self.order, self.is_member)

    def bases(self, points: torch.Tensor) -> torch.Tensor:
        """Return orthonormal bases (N, D, m) of the main directions; zero beyond the rank.

        Args:
            points: (N, D) float64.
        """
        count = len(points)
        centered = points - points.mean(dim=0)
        used = min(self.dim, self.rank)
        weights = self.scores[..., -used:] * _invert(self.values)[:, None, -used:]
        coefficients = weights.new_zeros(count, count, used).scatter_(
            1, self.order[..., None].expand_as(weights), weights)
        directions = torch.einsum('nkm,kd->ndm', coefficients, centered)
        directions -= centered[..., None] * weights.sum(dim=1)[:, None]
        bases = _orthonormalize(directions.flip(-1))
        return F.pad(bases, (0, self.dim - used))

    def _try(self, slot: int, accepts: Callable) -> None:
        """Refit all pieces with the point of a slot and keep the refits that are accepted."""
        unused = self.rank - self._width(slot)
        scores, values = self.scores[:, :slot, unused:], self.values[:, unused:]
        own = self.ordered[:, slot:slot + 1]
        inside = torch.einsum('nk,nkr->nr', self._products(slot), scores) * _invert(values)
        outside = own - inside.square().sum(dim=1, keepdim=True)
        outside = torch.where(outside > NOISE * own, outside, 0.).sqrt()
        coordinates = torch.cat([outside, inside], dim=1)
        new_values, rotation = rank_one_update(F.pad(values, (1, 0)), coordinates)
        new_scores = torch.cat([F.pad(scores, (1, 0)), coordinates[:, None]], dim=1) @ rotation

        kept = new_scores[..., -self.dim:].square().sum(dim=-1)
        squared = torch.cat([self.ordered[:, :slot] * self.is_member[:, :slot], own], dim=1)
        accepted = accepts(kept, squared)
        self.is_member[:, slot] = accepted
        start = max(unused - 1, 0)
        for state, new in ((self.values, new_values),
                           (self.scores[:, :slot + 1], new_scores)):
            new = new[..., start - self.rank:]
            mask = accepted.view(-1, *[1] * (new.dim() - 1))
            state[..., start:] = torch.where(mask, new, state[..., start:])

    def _width(self, slot: int) -> int:
        """Return how many directions an anchor may have in use after ``slot`` points.

        The exact number is read on the CPU alone, where no device has to be waited for.
        """
        if self.values.device.type != 'cpu':
            return min(slot, self.rank)
        return int((_invert(self.values) > 0).sum(dim=1).max())

    def _products(self, slot: int) -> torch.Tensor:
        """Return the inner products of a slot's difference with those before it, (N, slot)."""
        own = self.ordered[:, slot:slot + 1]
        between = self.squared[self.order[:, :slot], self.order[:, slot:slot + 1]]
        products = (self.ordered[:, :slot] + own - between) / 2
        return torch.where(own > 0, products, 0.)


def _invert(values: torch.Tensor) -> torch.Tensor:
    """Return the inverse of rising eigenvalues, zero for those at rounding error."""
    smallest = (NOISE * values[:, -1:]).clamp(min=torch.finfo(values.dtype).tiny)
    return torch.where(values > smallest, 1 / values, 0.)


def _orthonormalize(directions: torch.Tensor) -> torch.Tensor:
    """Orthonormalise nearly orthonormal columns (N, D, m); columns that vanish become zero."""
    columns: List[torch.Tensor] = []
    for column in directions.unbind(dim=-1):
        for _ in range(2):
            for earlier in columns:
                column = column - (column * earlier).sum(-1, keepdim=True) * earlier
            length = column.norm(dim=-1, keepdim=True)
            column = torch.where(length > 0.5, column / length, 0.)
        columns.append(column)
    return torch.stack(columns, dim=-1)
