"""Matching of detections to labels, and precision over recall, as KITTI defines them.

The rules are those of the KITTI object development kit. For one class, difficulty, metric
and minimum overlap:

1. Score pass: labels, in file order, take the free detection of the highest score that
   overlaps enough (:func:`~..matching.assignment.greedy_matches`). The scores of the true
   positives give at most 41 score thresholds (:func:`recall_thresholds`).
2. Overlap pass, once per threshold: labels, in file order, take the free detection of the
   largest overlap among the detections with at least this score. True and false positives
   of this pass give the precision and the orientation similarity at one recall.
3. Each value is replaced by the largest value at the same or a higher recall.
"""
from dataclasses import dataclass
from typing import List, Tuple

import numpy as np

from ..matching.assignment import greedy_matches
from ..matching.integration import precision_envelope

RECALL_STEPS = 41  # recalls 0, 1/40, ..., 1


@dataclass
class Candidates:
    """The P pairs of a label and a detection that may be matched.

    Pairs are sorted by label, then by detection.

    Attributes:
        labels: (P,) int, indices of the labels over all frames.
        detections: (P,) int, indices of the detections over all frames.
        overlaps: (P,) float, overlap of the pair.
        scores: (P,) float, score of the detection.
        similarities: (P,) float, orientation similarity of the pair,
            (1 + cos(difference of alpha)) / 2.
        too_small: (P,) bool, the detection is below the minimum height. Such a detection
            takes part in the score pass only. In the overlap pass, the development kit
            matches it only to a label that no other detection can take, and counts
            neither of the two, so leaving it out changes no count.
        true_if_matched: (P,) bool, the pair is a true positive if it is matched.
        false_if_unmatched: (P,) bool, the detection is a false positive if it is not
            matched.
        false_if_unmatched_scores: (F,) float, ascending scores of all detections that are
            false positives if they are not matched, including detections in no pair.
        label_count: number of labels that must be found, the denominator of the recall.
    """
    labels: np.ndarray
    detections: np.ndarray
    overlaps: np.ndarray
    scores: np.ndarray
    similarities: np.ndarray
    too_small: np.ndarray
    true_if_matched: np.ndarray
    false_if_unmatched: np.ndarray
    false_if_unmatched_scores: np.ndarray
    label_count: int


def precision_curves(candidates: Candidates) -> Tuple[np.ndarray, np.ndarray]:
    """Return precision and orientation similarity over recall.

    Args:
        candidates: all pairs of one class, difficulty, metric and minimum overlap.

    Returns:
        Two (41,) arrays in [0, 1] at the recalls 0, 1/40, ..., 1: the largest value at this
        or a higher recall, 0 at recalls that are not reached.
    """
    matched = greedy_matches(candidates.labels, candidates.detections, candidates.scores,
                             np.full(len(candidates.labels), True))
    thresholds = recall_thresholds(candidates.scores[matched & candidates.true_if_matched],
                                   candidates.label_count)
    values = np.zeros((2, RECALL_STEPS))
    for step, threshold in enumerate(thresholds):
        values[:, step] = _precision_at(candidates, threshold)
    return tuple(precision_envelope(values))


def true_and_false_positives(candidates: Candidates) -> Tuple[np.ndarray, np.ndarray]:
    """Return the scores of the true and of the false positives of the score pass.

    Other detections are neither: those that take a label that need not be found, and those that
    are too small or inside a DontCare region.

    Args:
        candidates: all pairs of one class, difficulty, metric and minimum overlap.

    Returns:
        Scores of the true positives, by label, and ascending scores of the false positives.
    """
    matched = greedy_matches(candidates.labels, candidates.detections, candidates.scores,
                             np.full(len(candidates.labels), True))
    true_positives = candidates.scores[matched & candidates.true_if_matched]
    scores, counts = np.unique(candidates.false_if_unmatched_scores, return_counts=True)
    taken = candidates.scores[matched & candidates.false_if_unmatched]
    np.subtract.at(counts, np.searchsorted(scores, taken), 1)
    return true_positives, np.repeat(scores, counts)


def recall_thresholds(scores: np.ndarray, label_count: int) -> np.ndarray:
    """Return the scores at which the recall comes closest to 0, 1/40, ..., 1.

    Args:
        scores: (T,) scores of the true positives, in any order.
        label_count: number of labels that must be found.

    Returns:
        At most 41 scores, descending; fewer if there are fewer true positives.

    Example:
        With 80 labels, each second true positive reaches the next of the recalls 1/40, ...:

        >>> recall_thresholds(np.array([.9, .8, .7, .6, .5]), label_count=80)
        array([0.9, 0.8, 0.6, 0.5])
    """
    scores = np.sort(scores)[::-1]
    recalls = np.arange(1, len(scores) + 1) / max(label_count, 1)
    next_recalls = np.append(recalls[1:], recalls[-1:])
    thresholds: List[float] = []
    position, target = 0, 0.
    while position < len(scores) and len(thresholds) < RECALL_STEPS:
        # A score is skipped if the recall at the next score is closer to the target.
        closer = next_recalls[position:] - target >= target - recalls[position:]
        closer[-1] = True
        position += int(closer.argmax())
        thresholds.append(scores[position])
        position += 1
        target += 1 / (RECALL_STEPS - 1)
    return np.array(thresholds)


def _precision_at(candidates: Candidates, threshold: float) -> Tuple[float, float]:
    """Return precision and orientation similarity of detections with this score or more."""
    usable = (candidates.scores >= threshold) & ~candidates.too_small
    matched = greedy_matches(candidates.labels, candidates.detections, candidates.overlaps, usable)
    true_pairs = matched & candidates.true_if_matched
    true_positives = np.count_nonzero(true_pairs)
    scores = candidates.false_if_unmatched_scores
    with_threshold = len(scores) - np.searchsorted(scores, threshold)
    false_positives = with_threshold - np.count_nonzero(matched & candidates.false_if_unmatched)
    positives = true_positives + false_positives
    if positives == 0:
        return 0., 0.
    return true_positives / positives, candidates.similarities[true_pairs].sum() / positives
