"""Similarities and groups that several methods find among the points of a batch."""
from typing import Dict, NamedTuple, Optional, Tuple

import torch
import torch.nn.functional as F

from .clusters import kmeans_labels, random_walk_similarity, ward_labels
from .piecewise_linear import grow_pieces, normalize_to_nearest, piecewise_similarity
from .piecewise_linear.distances import pairwise_distances
from .self_taught_loss import self_taught_similarity


class PieceSettings(NamedTuple):
    """Settings of pieces and of their similarity, as in :class:`PiecewiseLinearLoss`."""
    dim: int = 3
    threshold: float = 0.9
    n_alpha: float = 4.0
    n_beta: float = 0.5
    normalize_similarity: bool = False


DEFAULT_PIECES = PieceSettings()


class BatchSimilarity(NamedTuple):
    """Result of one method on a batch of N points.

    Attributes:
        values: (N, N) float64, entry (i, j) is the similarity of point j to point i. The
            diagonal has no meaning.
        groups: (N, N) bool, entry (i, j) tells whether point j belongs to the group of point i;
            False on the diagonal. None for methods without groups.
    """
    values: torch.Tensor
    groups: Optional[torch.Tensor] = None


@torch.no_grad()
def batch_similarities(points: torch.Tensor, num_clusters: int,
                       rules: Tuple[str, ...] = ('each', 'seed', 'share'),
                       pieces: PieceSettings = DEFAULT_PIECES, num_neighbours: int = 3,
                       seed: int = 0) -> Dict[str, BatchSimilarity]:
    """Compare the points of a batch by all methods.

    - ``pieces (RULE)``: the continuous similarity of
      :func:`~.piecewise_linear.piecewise_similarity`; a group is an anchor and the members of
      its piece.
    - ``k-means``, ``Ward``: 1 for points in one cluster, else 0.
    - ``cosine``: cosine of the angle between two points.
    - ``random walk``: :func:`~.clusters.random_walk_similarity` with its default settings.
    - ``K nearest``: 1 for points that are among the K nearest of each other, 1/2 if one is,
      else 0; a group is a point and its K nearest.
    - ``self-taught``: :func:`~.self_taught_loss.self_taught_similarity` with its default
      settings.

    Args:
        points: (N, D); they are divided by their length.
        num_clusters: number of clusters of k-means and Ward.
        rules: rules of the pieces.
        pieces: further settings of the pieces.
        num_neighbours: K.
        seed: random seed of k-means.

    Example:
        >>> found = batch_similarities(torch.randn(12, 4), num_clusters=3, rules=('each', ))
        >>> list(found)
        ['pieces (each)', 'k-means', 'Ward', 'cosine', 'random walk', '3 nearest', 'self-taught']
    """
    points = F.normalize(points.detach().double(), dim=1)
    results = {f'pieces ({rule})': _pieces(points, rule, pieces) for rule in rules}
    for name, labels in (('k-means', kmeans_labels(points, num_clusters, seed)),
                         ('Ward', ward_labels(points, num_clusters))):
        labels = torch.from_numpy(labels)
        together = labels[:, None] == labels
        results[name] = BatchSimilarity(together.double(), together.fill_diagonal_(False))
    results['cosine'] = BatchSimilarity(points @ points.mT)
    results['random walk'] = BatchSimilarity(random_walk_similarity(points))
    near = _nearest(points, num_neighbours)
    results[f'{num_neighbours} nearest'] = BatchSimilarity((near.double() + near.mT) / 2, near)
    results['self-taught'] = BatchSimilarity(self_taught_similarity(points))
    return results


def _pieces(points: torch.Tensor, rule: str, settings: PieceSettings) -> BatchSimilarity:
    pieces = grow_pieces(points, settings.dim, rule, settings.threshold)
    values = piecewise_similarity(pieces, settings.n_alpha, settings.n_beta)
    if settings.normalize_similarity:
        values = normalize_to_nearest(values)
    return BatchSimilarity(values, pieces.members)


def _nearest(points: torch.Tensor, count: int) -> torch.Tensor:
    """Return (N, N) bool, whether point j is among the ``count`` nearest of point i."""
    distances = pairwise_distances(points, points).fill_diagonal_(-1)
    order = distances.argsort(dim=1, stable=True)[:, 1:count + 1]
    return torch.zeros_like(distances, dtype=torch.bool).scatter_(1, order, True)
