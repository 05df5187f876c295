"""Matching of detections to labels.

P candidate pairs are given as parallel (P,) arrays of label and detection indices, counted
over all frames. Pairs that are not listed cannot be matched.
"""
from dataclasses import dataclass
from typing import Tuple

import numpy as np
from numba import njit
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

_MIN_RANK = -1e7  # pairs of this rank or less are not matched, as in KITTI's development kit


@njit
def greedy_matches(labels, detections, ranks, usable):
    """Match each label in turn to the best detection that is still free.

    The best detection is the usable one of the highest rank; of equal ranks, the first.

    Args:
        labels: (P,) int, index of the label, ascending.
        detections: (P,) int, index of the detection.
        ranks: (P,) float, score or overlap of the pair.
        usable: (P,) bool, whether the pair may be matched.

    Returns:
        (P,) bool, the matched pairs.

    Example:
        Label 0 takes detection 1, so only detection 0 is left for label 1:

        >>> greedy_matches(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]),
        ...                np.array([.5, .9, .6, .7]), np.full(4, True))
        array([False,  True,  True, False])
    """
    matched = np.zeros(len(labels), np.bool_)
    taken = np.zeros(detections.max() + 1 if len(detections) else 0, np.bool_)
    start = 0
    while start < len(labels):
        best, best_rank = -1, _MIN_RANK
        stop = start
        while stop < len(labels) and labels[stop] == labels[start]:
            if usable[stop] and not taken[detections[stop]] and ranks[stop] > best_rank:
                best, best_rank = stop, ranks[stop]
            stop += 1
        if best >= 0:
            matched[best] = True
            taken[detections[best]] = True
        start = stop
    return matched


def claims_by_score(overlaps: np.ndarray, scores: np.ndarray,
                    min_overlap: float) -> Tuple[np.ndarray, np.ndarray]:
    """Match detections of one frame, in order of their scores, to the best free label.

    The best label is the free one of the largest overlap.

    Args:
        overlaps: (D, L) overlap of each detection with each label.
        scores: (D,) scores of the detections.
        min_overlap: smallest overlap of a match.

    Returns:
        (M,) indices of the matched labels, and (M,) indices of their detections, by
        descending score.

    Example:
        >>> labels, detections = claims_by_score(
        ...     np.array([[.6, .9], [.8, .95]]), np.array([.5, .9]), min_overlap=.5)
        >>> labels.tolist(), detections.tolist()
        ([1, 0], [1, 0])
    """
    free = overlaps.copy()
    pairs = []
    for detection in np.argsort(-scores, kind='stable').tolist():
        if free.shape[1] and free[detection].max() >= min_overlap:
            label = int(free[detection].argmax())
            pairs.append((label, detection))
            free[:, label] = -1.
    matched = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return matched[:, 0], matched[:, 1]


@dataclass
class MatchCounts:
    """Matched pairs at each of C score cutoffs.

    Attributes:
        matched: (C,) number of matched pairs.
        weighted: (C, V) sums of the values of the matched pairs.
    """
    matched: np.ndarray
    weighted: np.ndarray


def assignment_counts(labels: np.ndarray, detections: np.ndarray, weights: np.ndarray,
                      num_reached: np.ndarray, values: np.ndarray,
                      num_cutoffs: int) -> MatchCounts:
    """Count the matched pairs at every score cutoff.

    At each cutoff, the detections with at least this score take part, and the one-to-one
    matching with the largest sum of weights is chosen. Pairs that are not connected by
    common labels or detections do not influence each other. So each connected group of
    pairs is matched on its own, and only at cutoffs where its set of detections changes.

    Args:
        labels: (P,) int, index of the label.
        detections: (P,) int, index of the detection.
        weights: (P,) positive int, weight of the pair.
        num_reached: (P,) int, number of cutoffs that the pair's detection reaches. Cutoffs
            ascend, so these are the first ones.
        values: (P, V) values of the pair, to be summed over matched pairs.
        num_cutoffs: C.

    Example:
        Two detections of one label. The pair of weight 9 reaches the first cutoff only:

        >>> counts = assignment_counts(
        ...     labels=np.array([0, 0]), detections=np.array([0, 1]), weights=np.array([9, 5]),
        ...     num_reached=np.array([1, 2]), values=np.array([[1.], [.5]]), num_cutoffs=3)
        >>> counts.matched.tolist(), counts.weighted.ravel().tolist()
        ([1.0, 1.0, 0.0], [1.0, 0.5, 0.0])
    """
    # Changes from cutoff to cutoff; summed up at the end.
    matched = np.zeros(num_cutoffs + 1)
    weighted = np.zeros((num_cutoffs + 1, values.shape[1]))
    active = num_reached > 0
    labels, detections, weights, num_reached, values = (
        item[active] for item in (labels, detections, weights, num_reached, values))
    if len(labels):
        order, starts = _groups(labels, detections)
        sizes = np.diff(starts)
        single = order[starts[:-1][sizes == 1]]
        _add_single(matched, weighted, num_reached[single], values[single])
        for group in np.nonzero(sizes > 1)[0]:
            pairs = order[starts[group]:starts[group + 1]]
            _add_group(matched, weighted, labels[pairs], detections[pairs], weights[pairs],
                       num_reached[pairs], values[pairs])
    return MatchCounts(matched.cumsum()[:-1], weighted.cumsum(axis=0)[:-1])


def _groups(labels: np.ndarray, detections: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Return the pairs in the order of connected groups, and the (G + 1,) group bounds."""
    _, rows = np.unique(labels, return_inverse=True)
    _, columns = np.unique(detections, return_inverse=True)
    count = rows.max() + 1
    size = count + columns.max() + 1
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, count + columns)), (size, size))
    group = connected_components(graph, directed=False)[1][rows]
    order = np.argsort(group, kind='stable')
    starts = np.nonzero(np.diff(group[order], prepend=-1, append=-1))[0]
    return order, starts


def _add_single(matched: np.ndarray, weighted: np.ndarray, num_reached: np.ndarray,
                values: np.ndarray) -> None:
    """Add groups of one pair to the changes from cutoff to cutoff."""
    matched[0] += len(values)
    weighted[0] += values.sum(axis=0)
    np.subtract.at(matched, num_reached, 1)
    np.subtract.at(weighted, num_reached, values)


def _add_group(matched: np.ndarray, weighted: np.ndarray, labels: np.ndarray,
               detections: np.ndarray, weights: np.ndarray, num_reached: np.ndarray,
               values: np.ndarray) -> None:
    """Add a group of several pairs to the changes from cutoff to cutoff."""
    first = 0
    for last in np.unique(num_reached):
        # The same pairs are active from cutoff `first` to cutoff `last` - 1.
        active = np.nonzero(num_reached >= last)[0]
        chosen = active[_best_assignment(labels[active], detections[active], weights[active])]
        gain = values[chosen].sum(axis=0)
        matched[first] += len(chosen)
        matched[last] -= len(chosen)
        weighted[first] += gain
        weighted[last] -= gain
        first = last


def _best_assignment(labels: np.ndarray, detections: np.ndarray,
                     weights: np.ndarray) -> np.ndarray:
    """Return the indices of the pairs in the matching with the largest sum of weights."""
    if (labels == labels[0]).all() or (detections == detections[0]).all():
        return weights.argmax()[None]
    own_labels, rows = np.unique(labels, return_inverse=True)
    own_detections, columns = np.unique(detections, return_inverse=True)
    table = np.zeros((len(own_labels), len(own_detections)))
    index = np.full(table.shape, -1)
    table[rows, columns] = weights
    index[rows, columns] = np.arange(len(weights))
    found = index[linear_sum_assignment(table, maximize=True)]
    return found[found >= 0]
