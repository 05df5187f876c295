"""Outcomes of the predictions of one frame: right, too far, too near or false."""
from dataclasses import dataclass
from typing import Dict, Sequence

import numpy as np

from ...structures.class_names import class_key, class_keys
from ...structures.object_table import DONT_CARE, ObjectTable
from ..depth.object_errors import MIN_OVERLAP
from ..matching.assignment import claims_by_score
from ..matching.image_overlaps import image_intersections, iou_2d
from .average_precision import too_hard
from .protocol import MIN_HEIGHTS

# Share of the true depth, which counts as at least 1 m. Larger errors are too far or too near.
DEPTH_TOLERANCE = .05
MIN_COVERAGE = .5  # share of a prediction inside a DontCare region that excuses it
HARD = 2  # index of KITTI's difficulty
RIGHT, FAR, NEAR, FALSE, IGNORED = OUTCOMES = ('right', 'far', 'near', 'false', 'ignored')
MISSED = 'missed'
ERRORS = (MISSED, FALSE, FAR, NEAR)


@dataclass(frozen=True)
class FrameOutcomes:
    """Outcomes of P predictions, and the predictions that find L labels.

    Predictions claim labels in the order of their scores. Hence the outcome of a prediction
    is the same at every score threshold that it reaches, and a label is missed at a threshold
    that its prediction does not reach.

    Attributes:
        outcomes: (P,) str, values of :data:`OUTCOMES`.
        found: (P,) int, index of the label of each prediction, or -1.
        finders: (L,) int, index of the prediction of each label, or -1.
        counted: (L,) bool, labels that must be found: of an evaluated class, and not harder
            than KITTI's difficulty "hard".
    """
    outcomes: np.ndarray
    found: np.ndarray
    finders: np.ndarray
    counted: np.ndarray

    def errors(self, scores: np.ndarray, threshold: float) -> Dict[str, int]:
        """Return the number of errors by kind at a score threshold.

        Args:
            scores: (P,) scores of the predictions.
            threshold: minimum score of a prediction that counts.
        """
        kept = scores >= threshold
        found = (self.finders >= 0) & np.append(kept, False)[self.finders]
        return {MISSED: int((self.counted & ~found).sum()),
                **{kind: int((kept & (self.outcomes == kind)).sum())
                   for kind in (FALSE, FAR, NEAR)}}


def frame_outcomes(truth: ObjectTable, predictions: ObjectTable,
                   classes: Sequence[str]) -> FrameOutcomes:
    """Match the predictions of a frame to its labels in the image and compare their depths.

    Matches are those of :func:`~..depth.object_errors.object_depth_errors`: a 2D IoU of at
    least 0.5 inside a class. A prediction is ignored if its label need not be found, if it
    overlaps a label of a class that is not evaluated, or if half of it lies in a DontCare
    region.

    Args:
        truth: labels of the frame, L objects.
        predictions: P predictions with scores.
        classes: evaluated classes.

    Example:
        A car at 20 m that is predicted at 22 m, which is 10 % too far:

        >>> row = [0, 0, 0., 560, 170, 640, 230, 1.5, 1.6, 3.9, 0., 1.7, 20., 0.]
        >>> label = ObjectTable.from_table(['Car'], [row])
        >>> row[12] = 22.
        >>> outcomes = frame_outcomes(label, ObjectTable.from_table(['Car'], [row + [.9]]),
        ...                           ['Car'])
        >>> outcomes.outcomes.tolist(), outcomes.finders.tolist()
        (['far'], [0])
        >>> outcomes.errors(np.array([.9]), .95)
        {'missed': 1, 'false': 0, 'far': 0, 'near': 0}
    """
    labels, names = class_keys(truth.names), class_keys(predictions.names)
    evaluated = [class_key(name) for name in classes]
    counted = np.isin(labels, evaluated) & ~too_hard(truth, HARD, MIN_HEIGHTS[HARD])
    found = np.full(len(predictions), -1)
    finders = np.full(len(truth), -1)
    assert predictions.scores is not None
    overlaps = iou_2d(predictions.boxes_2d, truth.boxes_2d)
    for name in dict.fromkeys(evaluated):
        own, of_class = np.flatnonzero(names == name), np.flatnonzero(labels == name)
        matched, by = claims_by_score(overlaps[np.ix_(own, of_class)], predictions.scores[own],
                                      MIN_OVERLAP)
        found[own[by]] = of_class[matched]
        finders[of_class[matched]] = own[by]
    outcomes = np.full(len(predictions), FALSE, dtype='<U7')
    finds = found >= 0
    depths = truth.locations[found[finds], 2]
    errors = (predictions.locations[finds, 2] - depths) / depths.clip(1.)
    outcomes[finds] = np.where(errors > DEPTH_TOLERANCE, FAR,
                               np.where(errors < -DEPTH_TOLERANCE, NEAR, RIGHT))
    outcomes[finds] = np.where(counted[found[finds]], outcomes[finds], IGNORED)
    outcomes[~finds & _excused(truth, predictions, overlaps, np.isin(labels, evaluated))] = IGNORED
    outcomes[~np.isin(names, evaluated)] = IGNORED
    return FrameOutcomes(outcomes, found, finders, counted)


def _excused(truth: ObjectTable, predictions: ObjectTable, overlaps: np.ndarray,
             evaluated: np.ndarray) -> np.ndarray:
    """Return (P,) bool, predictions on labels of other classes or in DontCare regions."""
    dont_care = truth.names == DONT_CARE
    others = overlaps[:, ~evaluated & ~dont_care]
    regions = truth.boxes_2d[dont_care]
    areas = (predictions.boxes_2d[:, 2:] - predictions.boxes_2d[:, :2]).clip(0).prod(axis=1)
    covered = image_intersections(predictions.boxes_2d[:, None], regions[None])
    return ((others >= MIN_OVERLAP).any(axis=1)
            | ((areas > 0)[:, None] & (covered >= MIN_COVERAGE * areas[:, None])).any(axis=1))
