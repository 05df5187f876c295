"""Clusters of embeddings, and similarity by random walks, without labels."""
from typing import Union

import numpy as np
import torch

from ..errors import InputError

Embeddings = Union[np.ndarray, torch.Tensor]


def kmeans_labels(embeddings: Embeddings, num_clusters: int, seed: int = 0,
                  num_iterations: int = 25, num_starts: int = 1) -> np.ndarray:
    """Return the clusters of k-means (faiss).

    Centres start at random points. All points take part in each iteration. A cluster that
    becomes empty gets a part of a large one. If there are fewer different points than clusters,
    some clusters stay empty. The result is the same for the same seed and number of threads.

    Args:
        embeddings: (N, D), compared by Euclidean distance.
        num_clusters: number of clusters, at most N.
        seed: random seed of the first centres.
        num_iterations: iterations of each start.
        num_starts: number of starts; the one of the least error is taken.

    Returns:
        (N,) int64, numbers of clusters in ``range(num_clusters)``.

    Raises:
        InputError: the embeddings are not (N, D) finite numbers, or ``num_clusters`` is not
            between 1 and N.

    Example:
        >>> labels = kmeans_labels(np.array([[0.], [.1], [5.], [5.1]]), 2)
        >>> bool(labels[0] == labels[1] != labels[2] == labels[3])
        True
    """
    # Most commands need no clusters, and the import takes time.
    import faiss
    points = np.ascontiguousarray(
        _checked('kmeans_labels', embeddings, num_clusters), dtype=np.float32)
    means = faiss.Kmeans(
        points.shape[1], num_clusters, niter=num_iterations, nredo=num_starts,
        seed=seed % 2**31, min_points_per_centroid=1, max_points_per_centroid=len(points))
    means.train(points)
    return means.index.search(points, 1)[1][:, 0].astype(np.int64)


def ward_labels(embeddings: Embeddings, num_clusters: int) -> np.ndarray:
    """Return the clusters of hierarchical clustering by Ward's criterion (scipy).

    From one cluster per point on, the two clusters are joined whose union has the least growth
    of the squared distances to the centre, until ``num_clusters`` are left. The memory is
    O(N^2).

    Args:
        embeddings: (N, D), compared by Euclidean distance.
        num_clusters: number of clusters, at most N.

    Returns:
        (N,) int64, numbers of clusters in ``range(num_clusters)``.

    Raises:
        InputError: as :func:`kmeans_labels`.

    Example:
        >>> ward_labels(np.array([[0.], [5.], [.1], [5.1]]), 2).tolist()
        [0, 1, 0, 1]
    """
    from scipy.cluster.hierarchy import cut_tree, ward
    points = _checked('ward_labels', embeddings, num_clusters)
    if len(points) == 1:
        return np.zeros(1, dtype=np.int64)
    return cut_tree(ward(points), n_clusters=num_clusters)[:, 0].astype(np.int64)


def random_walk_similarity(embeddings: torch.Tensor, num_neighbours: int = 5,
                           num_steps: int = 3) -> torch.Tensor:
    """Return the probabilities of a random walk on the graph of nearest neighbours.

    The definition is ours. Points i and j are connected if one of them is among the k nearest
    of the other. The weight of a connection is ``exp(-(d / scale)^2)`` with the distance d; the
    scale is the mean distance of all points to their k-th nearest. Each point is also connected
    to itself, with weight 1. A step goes along a connection with a probability proportional to
    its weight.

    Args:
        embeddings: (N, D), compared by Euclidean distance.
        num_neighbours: k; at most N - 1 are used.
        num_steps: number of steps.

    Returns:
        (N, N) float64. Entry (i, j) is the probability that a walk from i ends at j; each row
        sums to 1. The matrix is not symmetric in general.

    Raises:
        InputError: the embeddings are not (N, D) finite numbers, or a setting is below 1.

    Example:
        >>> # Two neighbours at distance 1: weights 1 and exp(-1).
        >>> random_walk_similarity(torch.tensor([[0.], [1.]]), num_steps=1)[0]
        tensor([0.7311, 0.2689], dtype=torch.float64)
    """
    if num_neighbours < 1 or num_steps < 1:
        raise InputError(f'random_walk_similarity: num_neighbours {num_neighbours}, num_steps '
                         f'{num_steps}; expected at least 1')
    points = torch.from_numpy(_checked('random_walk_similarity', embeddings, 1)).double()
    distances = torch.cdist(points, points, compute_mode='donot_use_mm_for_euclid_dist')
    order = distances.clone().fill_diagonal_(-1).argsort(dim=1, stable=True)
    nearest = order[:, 1:num_neighbours + 1]
    connected = torch.eye(len(points), dtype=torch.bool).scatter_(1, nearest, True)
    scale = distances.gather(1, nearest)[:, -1:].mean()
    weights = torch.exp(-(distances / torch.where(scale > 0, scale, 1.)).square())
    weights = torch.where(connected | connected.mT, weights, 0.)
    return torch.linalg.matrix_power(weights / weights.sum(dim=1, keepdim=True), num_steps)


def _checked(name: str, embeddings: Embeddings, num_clusters: int) -> np.ndarray:
    """Return embeddings as an array, after checks in the name of a caller."""
    if isinstance(embeddings, torch.Tensor):
        embeddings = embeddings.detach().cpu().double().numpy()
    if embeddings.ndim != 2 or not embeddings.size:
        raise InputError(f'{name}: embeddings are {embeddings.shape}, expected (N, D)')
    if not np.isfinite(embeddings).all():
        raise InputError(f'{name}: embeddings hold NaN or infinity; the training has diverged')
    if not 1 <= num_clusters <= len(embeddings):
        raise InputError(f'{name}: num_clusters is {num_clusters}, expected 1 to '
                         f'{len(embeddings)}, the number of embeddings')
    return embeddings
