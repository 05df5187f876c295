"""Reliability of scores: precision per score bin."""
from typing import NamedTuple

import numpy as np

NUM_BINS = 10


class ScoredDetections(NamedTuple):
    """Scores of the N detections of a class, and whether each is a true positive.

    Attributes:
        class_name: the class.
        scores: (N,) scores, 0 to 1.
        true_positives: (N,) bool; the others are false positives.
    """
    class_name: str
    scores: np.ndarray
    true_positives: np.ndarray


class ReliabilityBins(NamedTuple):
    """Detections in B bins of similar scores. Empty bins are left out.

    Attributes:
        counts: (B,) int, number of detections.
        scores: (B,) mean scores, ascending.
        precisions: (B,) shares of true positives among the detections.
    """
    counts: np.ndarray
    scores: np.ndarray
    precisions: np.ndarray

    @property
    def calibration_error(self) -> float:
        """Mean absolute difference of score and precision, weighted by the counts.

        This is the expected calibration error of Naeini et al., Obtaining Well Calibrated
        Probabilities Using Bayesian Binning, AAAI 2015. NaN without detections.
        """
        if not len(self.counts):
            return float('nan')
        return float(np.average(np.abs(self.scores - self.precisions), weights=self.counts))


def reliability_bins(scores: np.ndarray, true_positives: np.ndarray,
                     num_bins: int = NUM_BINS) -> ReliabilityBins:
    """Divide detections into bins of equal width by their score.

    Args:
        scores: (N,) scores, 0 to 1.
        true_positives: (N,) bool, whether the detection is a true positive.
        num_bins: number of bins between 0 and 1, with the empty ones. A bin holds its lower
            bound, and the last one also 1.

    Example:
        >>> bins = reliability_bins(np.array([.9, .1, .2, .6]), np.array([1, 0, 1, 1]), 2)
        >>> bins.counts.tolist(), bins.scores.round(2).tolist(), bins.precisions.tolist()
        ([2, 2], [0.15, 0.75], [0.5, 1.0])
        >>> round(bins.calibration_error, 2)
        0.3
    """
    index = np.minimum((scores * num_bins).astype(np.int64), num_bins - 1)
    counts = np.bincount(index, minlength=num_bins)
    filled = counts > 0
    means = (np.bincount(index, values, num_bins)[filled] / counts[filled]
             for values in (scores, true_positives))
    return ReliabilityBins(counts[filled], *means)
