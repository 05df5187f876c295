"""Quality of similarities: their agreement with the classes of a labelled batch."""
import math
from typing import Any, Dict, NamedTuple, Sequence

import numpy as np
from scipy.stats import t as student_t

from .batch_similarities import BatchSimilarity

CONFIDENCE = 0.95  # of intervals


class Estimate(NamedTuple):
    """Mean over batches with its interval.

    Attributes:
        mean: mean; NaN without a batch.
        low, high: ends of Student's t interval of the mean, see :data:`CONFIDENCE`; NaN with
            fewer than 2 batches.
        count: number of batches.
    """
    mean: float
    low: float
    high: float
    count: int  # type: ignore[assignment]


def similarity_figures(similarity: BatchSimilarity, labels: Any,
                       ranks: Sequence[int] = (3, 5, 10)) -> Dict[str, float]:
    """Compare a similarity with the classes of a batch.

    - ``correlation``: Pearson's correlation of the similarity with the same-class indicator
      (1 or 0) over all ordered pairs of different points. NaN if either is constant.
    - ``pair_precision``: share of pairs of one class among all pairs (point, other point of its
      group). NaN without groups.
    - ``purity``: share of the most frequent class in a group, point included, as a mean over
      the groups of all points. For clusters this is the usual purity, the share of points that
      have the most frequent class of their cluster. NaN without groups.
    - ``precision@K``: share of the point's class among its K most similar points, as a mean
      over points. Points that are equally similar share the last places: each counts with the
      probability of its selection in random order. NaN with fewer than K other points.

    Args:
        similarity: result of a method on N points.
        labels: (N,) integers.
        ranks: values of K.

    Example:
        >>> import torch
        >>> values = torch.tensor([[0., 1., .5], [1., 0., .5], [.5, .5, 0.]])
        >>> figures = similarity_figures(BatchSimilarity(values, values > .7), [0, 0, 1], [1])
        >>> {key: round(value, 3) for key, value in figures.items()}
        {'correlation': 1.0, 'pair_precision': 1.0, 'purity': 1.0, 'precision@1': 0.667}
    """
    labels = np.asarray(labels)
    values = similarity.values.cpu().numpy().astype(np.float64)
    same = labels[:, None] == labels
    others = ~np.eye(len(labels), dtype=bool)
    figures = dict(correlation=_correlation(values[others], same[others]),
                   pair_precision=math.nan, purity=math.nan)
    if similarity.groups is not None:
        groups = similarity.groups.cpu().numpy()
        if groups.any():
            figures['pair_precision'] = float(same[groups].mean())
        # Points per group and class.
        one_hot = labels[:, None] == np.unique(labels)
        counts = (groups | ~others).astype(np.float64) @ one_hot
        figures['purity'] = float((counts.max(axis=1) / counts.sum(axis=1)).mean())
    for rank in ranks:
        figures[f'precision@{rank}'] = _precision_at(values, same, rank)
    return figures


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of a figure over batches, and Student's t interval of the mean.

    The interval takes batches for independent. Batches of one set share images, so it covers
    the choice of the batches, not that of the set.

    Args:
        values: one per batch; NaN is left out.

    Example:
        >>> [round(value, 3) for value in estimate([1., 3., 2., float('nan')])]
        [2.0, -0.484, 4.484, 3]
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    count = len(known)
    if count < 2:
        return Estimate(float(known[0]) if count else math.nan, math.nan, math.nan, count)
    reach = student_t.ppf((1 + CONFIDENCE) / 2, count - 1) * known.std(ddof=1) / count**.5
    mean = float(known.mean())
    return Estimate(mean, float(mean - reach), float(mean + reach), count)


def _correlation(values: np.ndarray, same: np.ndarray) -> float:
    """Return Pearson's correlation; NaN if either argument is constant."""
    if not len(values) or np.ptp(values) == 0 or same.min() == same.max():
        return math.nan
    return float(np.corrcoef(values, same)[0, 1])


def _precision_at(values: np.ndarray, same: np.ndarray, rank: int) -> float:
    """Return the precision of the ``rank`` most similar points, see above for ties."""
    count = len(values)
    if count <= rank:
        return math.nan
    values = values.copy()
    np.fill_diagonal(values, -np.inf)
    last = -np.partition(-values, rank - 1, axis=1)[:, rank - 1:rank]
    above, level = values > last, values == last
    free = rank - above.sum(axis=1)
    hits = (above & same).sum(axis=1) + free * (level & same).sum(axis=1) / level.sum(axis=1)
    return float(hits.mean() / rank)
