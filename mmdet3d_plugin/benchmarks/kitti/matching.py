"""Matching of detections to labels, and precision over recall, as KITTI defines them.

The rules are those of the KITTI object development kit: labels choose in file
order, a first pass by score finds the score thresholds, and at each threshold a
second pass by overlap counts true and false positives.
"""
from dataclasses import dataclass
from typing import Tuple

import numpy as np

from ..matching.assignment import greedy_matches
from ..matching.integration import precision_envelope

RECALL_STEPS = 41


@dataclass
class Candidates:
    """The P pairs of a label and a detection that may be matched.

    Pairs are sorted by label, then by detection.

    Attributes:
        labels, detections: (P,) int, indices over all frames.
        overlaps, scores, similarities: (P,) float, of the pair, of its detection,
            and of the orientations: (1 + cos(difference of alpha)) / 2.
        small: (P,) bool, the detection is below the minimum height. It takes part
            in the pass by score alone: by overlap, the development kit lets it take
            only labels that nothing else would, which changes no count.
        hits: (P,) bool, the pair is a true positive if it is matched.
        costly: (P,) bool, the detection is a false positive if it is not matched.
        costly_scores: (C,) float, ascending scores of all such detections, those
            in no pair included.
        label_count: number of labels that count, the denominator of the recall.
    """
    labels: np.ndarray
    detections: np.ndarray
    overlaps: np.ndarray
    scores: np.ndarray
    similarities: np.ndarray
    small: np.ndarray
    hits: np.ndarray
    costly: np.ndarray
    costly_scores: np.ndarray
    label_count: int


def precision_curves(candidates: Candidates) -> Tuple[np.ndarray, np.ndarray]:
    """Precision and orientation similarity over recall.

    Returns:
        Two (41,) arrays in [0, 1] at recalls 0, 1/40, ..., 1: each the largest
        value at this recall or a higher one, 0 at recalls that are not reached.
    """
    matched = greedy_matches(candidates.labels, candidates.detections, candidates.scores,
                             np.full(len(candidates.labels), True))
    thresholds = recall_thresholds(candidates.scores[matched & candidates.hits],
                                   candidates.label_count)
    values = np.zeros((2, RECALL_STEPS))
    for step, threshold in enumerate(thresholds):
        values[:, step] = _precision_at(candidates, threshold)
    return tuple(precision_envelope(values))


def recall_thresholds(scores: np.ndarray, label_count: int) -> np.ndarray:
    """Scores at which the recall comes closest to 0, 1/40, ..., 1.

    Args:
        scores: (T,) scores of the true positives, in any order.
        label_count: the number of labels to find.

    Returns:
        At most 41 scores, descending; fewer when there are fewer true positives.
    """
    scores = np.sort(scores)[::-1]
    recalls = np.arange(1, len(scores) + 1) / max(label_count, 1)
    next_recalls = np.append(recalls[1:], recalls[-1:])
    thresholds, position, target = [], 0, 0.
    while position < len(scores) and len(thresholds) < RECALL_STEPS:
        closer = next_recalls[position:] - target >= target - recalls[position:]
        closer[-1] = True
        position += int(closer.argmax())
        thresholds.append(scores[position])
        position += 1
        target += 1 / (RECALL_STEPS - 1)
    return np.array(thresholds)


def _precision_at(candidates: Candidates, threshold: float) -> Tuple[float, float]:
    """Precision and orientation similarity of the detections at a score or above."""
    usable = (candidates.scores >= threshold) & ~candidates.small
    matched = greedy_matches(candidates.labels, candidates.detections, candidates.overlaps, usable)
    hits = matched & candidates.hits
    true = np.count_nonzero(hits)
    costly = len(candidates.costly_scores) - np.searchsorted(candidates.costly_scores, threshold)
    counted = true + costly - np.count_nonzero(matched & candidates.costly)
    if counted == 0:
        return 0., 0.
    return true / counted, candidates.similarities[hits].sum() / counted
