"""Which detections are matched with which labels.

Pairs are given as parallel arrays of indices over all frames; only pairs that may be
matched are listed.
"""
from dataclasses import dataclass
from typing import Tuple

import numpy as np
from numba import njit
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

_LOWEST_SCORE = -1e7  # below it nothing is matched, as in KITTI's development kit


@njit
def greedy_matches(labels, detections, ranks, usable):
    """(P,) bool, the pairs matched: each label in turn takes the usable and free
    detection of the highest rank, the first one of equals."""
    matched = np.zeros(len(labels), np.bool_)
    taken = np.zeros(detections.max() + 1 if len(detections) else 0, np.bool_)
    start = 0
    while start < len(labels):
        best, best_rank = -1, _LOWEST_SCORE
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
    """Detections of one frame claim, in order of score, the free label that they overlap
    most.

    Args:
        overlaps: (D, L) of each detection with each label.
        scores: (D,) of the detections.
        min_overlap: at which a detection may claim a label.

    Returns:
        (M,) labels and (M,) the detections that claim them.
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
    """What is matched at each of C score cutoffs.

    Attributes:
        matched: (C,) number of matched pairs.
        weighted: (C, V) their summed values.
    """
    matched: np.ndarray
    weighted: np.ndarray


def assignment_counts(labels: np.ndarray, detections: np.ndarray, weights: np.ndarray,
                      num_reached: np.ndarray, values: np.ndarray,
                      num_cutoffs: int) -> MatchCounts:
    """Counts of the matchings of the largest summed weight, at every score cutoff.

    At each cutoff only the detections that reach it take part. Labels and detections
    that no chain of pairs connects don't influence each other: each such group is
    matched on its own, once for each set of its detections.

    Args:
        labels, detections: (P,) int, the pairs that may be matched.
        weights: (P,) positive int, of the pair.
        num_reached: (P,) int, how many of the ascending cutoffs the pair's detection
            reaches.
        values: (P, V) what a matched pair adds to the sums.
        num_cutoffs: C.
    """
    matched = np.zeros(num_cutoffs + 1)
    weighted = np.zeros((num_cutoffs + 1, values.shape[1]))
    reaching = num_reached > 0
    labels, detections, weights, num_reached, values = (
        item[reaching] for item in (labels, detections, weights, num_reached, values))
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
    """Pairs ordered by connected group, and where each group starts (and the last ends)."""
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
    """Adds groups of one pair to what differs from cutoff to cutoff."""
    matched[0] += len(values)
    weighted[0] += values.sum(axis=0)
    np.subtract.at(matched, num_reached, 1)
    np.subtract.at(weighted, num_reached, values)


def _add_group(matched: np.ndarray, weighted: np.ndarray, labels: np.ndarray,
               detections: np.ndarray, weights: np.ndarray, num_reached: np.ndarray,
               values: np.ndarray) -> None:
    """Adds a group of several pairs to what differs from cutoff to cutoff."""
    upper = 0
    for last in np.unique(num_reached):
        # From cutoff `upper` to `last`, these take part.
        active = np.nonzero(num_reached >= last)[0]
        chosen = active[_best_assignment(labels[active], detections[active], weights[active])]
        gain = values[chosen].sum(axis=0)
        matched[upper] += len(chosen)
        matched[last] -= len(chosen)
        weighted[upper] += gain
        weighted[last] -= gain
        upper = last


def _best_assignment(labels: np.ndarray, detections: np.ndarray,
                     weights: np.ndarray) -> np.ndarray:
    """Indices of the pairs of the matching of the largest summed weight."""
    if (labels == labels[0]).all() or (detections == detections[0]).all():
        return weights.argmax()[None]
    names_l, rows = np.unique(labels, return_inverse=True)
    names_d, columns = np.unique(detections, return_inverse=True)
    table = np.zeros((len(names_l), len(names_d)))
    index = np.full(table.shape, -1)
    table[rows, columns] = weights
    index[rows, columns] = np.arange(len(weights))
    found = index[linear_sum_assignment(table, maximize=True)]
    return found[found >= 0]
