"""Retrieval among embeddings of labelled images: Recall@k and mAP@R."""
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Sequence

import numpy as np
from tqdm import tqdm

from ...errors import InputError
from ..metric_style import MetricStyle
from .nearest_neighbours import NeighbourSearch

RECALL_AT = (1, 2, 4, 8)


def is_retrieval_key(key: str) -> bool:
    """Return whether a name is that of a retrieval metric: ``R@K`` or ``mAP@R``.

    Example:
        >>> [is_retrieval_key(key) for key in ('R@1', 'R@1000', 'mAP@R', 'R@0', 'AbsRel')]
        [True, True, True, False, False]
    """
    return re.fullmatch(r'R@[1-9][0-9]*|mAP@R', key) is not None


def retrieval_style(key: str) -> MetricStyle:
    """Return the display style of a retrieval metric."""
    return MetricStyle(f'{key} (%)', '%', better='↑')


@dataclass(frozen=True)
class RetrievalEvaluation:
    """Figures of a set of embeddings, in percent.

    Attributes:
        recall: Recall@k by k.
        map_at_r: mAP@R.
        num_images: number of images of the set.
        num_classes: number of classes of the set.
        num_queries: number of images with another image of their class.
        num_single: number of images that are the only one of their class. They are no queries.
    """
    recall: Dict[int, float]
    map_at_r: float
    num_images: int
    num_classes: int
    num_queries: int
    num_single: int

    def to_dict(self) -> Dict[str, float]:
        """Return the figures in percent by name: ``R@1``, ..., ``mAP@R``."""
        return {**{f'R@{k}': value for k, value in self.recall.items()}, 'mAP@R': self.map_at_r}

    def table(self) -> str:
        """Return the numbers of images and the figures as text."""
        lines = [f'{self.num_queries} queries among {self.num_images} images of '
                 f'{self.num_classes} classes, percent']
        if self.num_single:
            lines.append(f'{self.num_single} images without another image of their class are no '
                         'queries')
        figures = self.to_dict()
        return '\n'.join([*lines, ''.join(f'{key:>9}' for key in figures),
                          ''.join(f'{value:>9.2f}' for value in figures.values())])


def evaluate_retrieval(embeddings: np.ndarray, labels: Any,
                       recall_at: Sequence[int] = RECALL_AT) -> RetrievalEvaluation:
    """Evaluate the neighbours of every image among all other images of a set.

    Recall@k is the share of queries with an image of their class among the k nearest
    neighbours. mAP@R (Musgrave et al., A Metric Learning Reality Check, 2020) is the mean over
    queries of AP@R: with R, the number of other images of the query's class, AP@R is the sum of
    the precision among the i nearest over all i <= R where neighbour i is of the class, divided
    by R. Images without another image of their class are no queries, but they are neighbours.

    Args:
        embeddings: (N, D) numbers, compared by Euclidean distance.
        labels: (N,) class index of each image.
        recall_at: numbers of neighbours k of Recall@k.

    Raises:
        InputError: embeddings are not (N, D), or hold NaN or infinity; labels differ in number
            from the embeddings; a k is not from 1 to N - 1; or no class has two images.

    Example:
        >>> points = np.array([[0.], [1.], [3.], [4.5]])
        >>> evaluate_retrieval(points, [0, 0, 1, 0], recall_at=(1, 2)).to_dict()
        {'R@1': 66.66666666666667, 'R@2': 100.0, 'mAP@R': 41.666666666666664}
    """
    labels = np.asarray(labels)
    search = NeighbourSearch(embeddings)
    if labels.shape != (search.size,):
        raise InputError(f'{search.size} embeddings, but labels of shape {labels.shape}; every '
                         'embedding needs one label')
    check_recall_at(recall_at, search.size)
    recall_at = sorted(set(recall_at))
    classes, labels, counts = np.unique(labels, return_inverse=True, return_counts=True)
    others = counts[labels] - 1
    queries = np.flatnonzero(others)
    if not len(queries):
        raise InputError(f'none of {search.size} images has another image of its class; '
                         'retrieval needs two images per class')
    # In the order of R, so that only the queries of large classes need many neighbours.
    queries = queries[np.argsort(others[queries], kind='stable')]
    found = np.zeros(len(recall_at))
    precision = 0.
    for rows in tqdm(_chunks(search, queries, others, max(recall_at)), 'searching neighbours',
                     disable=None, delay=1):
        indices, _ = search.of_rows(rows, max(*recall_at, others[rows].max()))
        hits = labels[indices] == labels[rows, None]
        found += [hits[:, :k].any(1).sum() for k in recall_at]
        precision += _average_precisions(hits, others[rows]).sum()
    return RetrievalEvaluation(
        dict(zip(recall_at, (100 * found / len(queries)).tolist())),
        float(100 * precision / len(queries)), search.size, len(classes), len(queries),
        search.size - len(queries))


def check_recall_at(recall_at: Sequence[int], size: int) -> None:
    """Check the numbers of neighbours k of Recall@k.

    Args:
        recall_at: the numbers.
        size: number of images of the set.

    Raises:
        InputError: there is none, or one is not from 1 to ``size - 1``.
    """
    if not recall_at:
        raise InputError('recall_at: is empty; name at least one number of neighbours, e.g. 1')
    wrong = [k for k in recall_at if not 1 <= k < size]
    if wrong:
        raise InputError(f'Recall@{wrong[0]}: a set of {size} images has {max(size - 1, 0)} '
                         'neighbours per image; choose a k from 1 to this number')


def _chunks(search: NeighbourSearch, queries: np.ndarray, others: np.ndarray,
            most: int) -> List[np.ndarray]:
    """Return the queries in parts, each of one class size at most."""
    parts = np.split(queries, np.flatnonzero(np.diff(others[queries])) + 1)
    return [rows for part in parts for rows in search.chunks(part, max(most, others[part[0]]))]


def _average_precisions(hits: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the (Q,) AP@R of queries.

    Args:
        hits: (Q, K) bool, whether each neighbour is of the query's class.
        others: (Q,) R of each query, at most K.
    """
    position = np.arange(1, hits.shape[1] + 1)
    hits = hits & (position <= others[:, None])
    return (hits * hits.cumsum(1) / position).sum(1) / others
