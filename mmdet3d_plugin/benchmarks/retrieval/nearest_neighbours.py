"""Exact nearest neighbours of embeddings by Euclidean distance."""
from typing import Iterator, Optional, Tuple

import numpy as np

from ...errors import InputError

Neighbours = Tuple[np.ndarray, np.ndarray]

# Number of candidates beyond the k nearest. The search computes distances from dot products in
# single precision. The candidates are sorted by their distances in double precision.
MARGIN = 16
# Sizes of the parts in which large sets are processed.
MAX_ROWS = 4096
MAX_CANDIDATES = 2 ** 22
MAX_DIFFERENCES = 2 ** 18


def nearest_neighbours(embeddings: np.ndarray, k: int,
                       queries: Optional[np.ndarray] = None) -> Neighbours:
    """Return the k nearest neighbours of each query, or of each point of the set.

    Neighbours are sorted by distance, and those at the same distance by index. Without
    queries, each point is left out of its own neighbours by its index. Its exact duplicates
    are neighbours at distance 0.

    Args:
        embeddings: (N, D) the set.
        k: number of neighbours.
        queries: (Q, D) points to find neighbours of; by default the set itself.

    Returns:
        indices: (Q, k) int64, rows of ``embeddings``.
        distances: (Q, k) float32, Euclidean.

    Raises:
        InputError: embeddings are not (N, D) or hold NaN or infinity, queries differ in D, or
            the set has fewer than k (other) points.

    Example:
        >>> points = np.array([[0., 0.], [3., 4.], [0., 1.]], dtype=np.float32)
        >>> indices, distances = nearest_neighbours(points, 1)
        >>> indices[:, 0]
        array([2, 2, 0])
        >>> distances[0]
        array([1.], dtype=float32)
    """
    search = NeighbourSearch(embeddings)
    if queries is None:
        chunks = [search.of_rows(rows, k) for rows in search.chunks(np.arange(search.size), k)]
    else:
        queries = checked_embeddings(queries, 'queries')
        chunks = [search.of_points(queries[rows], k)
                  for rows in search.chunks(np.arange(len(queries)), k)]
    indices, distances = zip(*chunks)
    return np.concatenate(indices), np.concatenate(distances)


def checked_embeddings(embeddings: np.ndarray, name: str = 'embeddings') -> np.ndarray:
    """Return embeddings as a (N, D) array of float32 or float64.

    Args:
        embeddings: (N, D) numbers.
        name: name of the array, for messages.

    Raises:
        InputError: the array has another shape, is empty, or holds NaN or infinity.
    """
    embeddings = np.asarray(embeddings)
    if embeddings.ndim != 2 or not embeddings.size:
        raise InputError(f'{name}: have shape {embeddings.shape}; expected (N, D), one row per '
                         'image')
    if embeddings.dtype not in (np.float32, np.float64):
        embeddings = embeddings.astype(np.float32)
    for start in range(0, len(embeddings), MAX_ROWS):
        finite = np.isfinite(embeddings[start:start + MAX_ROWS]).all(1)
        if not finite.all():
            raise InputError(f'{name}: row {start + finite.argmin()} holds NaN or infinity; '
                             'check the model that made it')
    return embeddings


class NeighbourSearch:
    """Exact search in a set of embeddings, for callers that handle the neighbours in chunks.

    The set is centred and scaled for the search, so that neither a common offset of all
    embeddings nor their scale costs precision.

    Args:
        embeddings: (N, D) the set.

    Raises:
        InputError: embeddings are not (N, D), or hold NaN or infinity.
    """

    def __init__(self, embeddings: np.ndarray) -> None:
        # Imported here because commands and trainings without retrieval do not need it.
        import faiss
        self.embeddings = checked_embeddings(embeddings)
        self._centre = self.embeddings.mean(0, dtype=np.float64)
        parts = [self.embeddings[start:start + MAX_ROWS]
                 for start in range(0, self.size, MAX_ROWS)]
        largest = max(float(np.abs(part - self._centre).max()) for part in parts)
        self._scale = 1 / largest if largest > 0 else 1.
        self._index = faiss.IndexFlatL2(self.embeddings.shape[1])
        for part in parts:
            self._index.add(self._normalised(part))

    @property
    def size(self) -> int:
        """Number of points of the set."""
        return len(self.embeddings)

    def chunks(self, rows: np.ndarray, k: int) -> Iterator[np.ndarray]:
        """Yield parts of ``rows`` of a size that keeps the memory of a search small."""
        size = int(np.clip(MAX_CANDIDATES // (k + MARGIN + 1), 1, MAX_ROWS))
        for start in range(0, len(rows), size):
            yield rows[start:start + size]

    def of_points(self, points: np.ndarray, k: int) -> Neighbours:
        """Return the k nearest neighbours of points, as :func:`nearest_neighbours`.

        Args:
            points: (Q, D) float32 or float64.
            k: number of neighbours.

        Raises:
            InputError: the points differ from the set in D, or the set has fewer than k points.
        """
        if points.shape[1] != self.embeddings.shape[1]:
            raise InputError(f'queries: have {points.shape[1]} dimensions, the set has '
                             f'{self.embeddings.shape[1]}; embed both with the same model')
        self._check(k, self.size, 'points')
        return self._nearest(points, k, None)

    def of_rows(self, rows: np.ndarray, k: int) -> Neighbours:
        """Return the k nearest other points of points of the set.

        Args:
            rows: (Q,) int, rows of the set.
            k: number of neighbours.

        Raises:
            InputError: the set has fewer than k + 1 points.
        """
        self._check(k, self.size - 1, 'other points')
        return self._nearest(self.embeddings[rows], k, rows)

    def _check(self, k: int, available: int, kind: str) -> None:
        if not 1 <= k <= available:
            raise InputError(f'{k} nearest neighbours: the set has {max(available, 0)} {kind}; '
                             'choose a k from 1 to this number')

    def _normalised(self, points: np.ndarray) -> np.ndarray:
        return ((points - self._centre) * self._scale).astype(np.float32)

    def _nearest(self, points: np.ndarray, k: int, left_out: Optional[np.ndarray]) -> Neighbours:
        number = min(int(k) + MARGIN + 1, self.size)
        _, found = self._index.search(self._normalised(points), number)
        distances = self._distances(points, found)
        if left_out is not None:
            distances[found == left_out[:, None]] = np.inf
        order = np.lexsort((found, distances))[:, :k]
        return (np.take_along_axis(found, order, 1),
                np.take_along_axis(distances, order, 1).astype(np.float32))

    def _distances(self, points: np.ndarray, found: np.ndarray) -> np.ndarray:
        """Return the (Q, C) distances of the (Q, C) candidates."""
        squares = np.empty(found.shape)
        size = max(MAX_DIFFERENCES // (found.shape[1] * points.shape[1]), 1)
        for start in range(0, len(points), size):
            part = slice(start, start + size)
            difference = np.subtract(self.embeddings[found[part]], points[part, None],
                                     dtype=np.float64)
            squares[part] = np.einsum('qcd,qcd->qc', difference, difference)
        return np.sqrt(squares)
