"""Comparison of predictions of an exported file with those of torch.

Notation: N and M detections.
"""
from dataclasses import dataclass, fields
from typing import Any, Dict, Iterable, List, NamedTuple, Tuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..structures.angles import wrap_angle

MATCH_DISTANCE = 2.0  # metres between the centres of one detection in both predictions


class DetectionSet(NamedTuple):
    """Detections of an image.

    Attributes:
        boxes: (N, 7) in the layout of CameraInstance3DBoxes.
        scores: (N,).
        labels: (N,).
        boxes_2d: (N, 4) original pixels.
    """
    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    boxes_2d: np.ndarray


@dataclass
class Errors:
    """Largest differences of two predictions of the same images.

    Attributes:
        metres: of positions and sizes, or of depths.
        radians: of yaws.
        score: of scores.
        pixels: of 2D boxes, original pixels.
        compared: number of compared detections or pixels.
        unmatched: number of detections in one prediction alone.
    """
    metres: float = 0.
    radians: float = 0.
    score: float = 0.
    pixels: float = 0.
    compared: int = 0
    unmatched: int = 0

    def within(self, metres: float, score: float) -> bool:
        """Return whether all is matched and differs by no more; yaws in radians as metres."""
        return (self.unmatched == 0 and self.metres <= metres and self.radians <= metres
                and self.score <= score)


def total(parts: Iterable[Errors]) -> Errors:
    """Return the errors of several images together: counts add up, the largest errors remain.

    Example:
        >>> total([Errors(metres=1., compared=2), Errors(metres=3., compared=1)])
        Errors(metres=3.0, radians=0.0, score=0.0, pixels=0.0, compared=3, unmatched=0)
    """
    parts = list(parts)
    combined: Dict[str, Any] = {item.name: (sum if item.type is int else _largest)(
        getattr(part, item.name) for part in parts) for item in fields(Errors)}
    return Errors(**combined)


def _largest(values: Iterable[float]) -> float:
    # Unlike max(), it does not lose a NaN.
    return float(np.max(np.array([0., *values])))


def compare_detections(expected: DetectionSet, found: DetectionSet) -> Errors:
    """Compare the detections of an image in two predictions.

    Detections of a label are paired so that the sum of the distances of the pairs is smallest.
    A pair further apart than :data:`MATCH_DISTANCE` counts as two unmatched detections.

    Args:
        expected: N detections.
        found: M detections.

    Example:
        >>> near = DetectionSet(np.array([[0., 1., 20., 4., 2., 2., 3.1]]), np.array([.5]),
        ...                     np.array([0]), np.zeros((1, 4)))
        >>> moved = near._replace(boxes=near.boxes + [.25, 0, 0, 0, 0, 0, 0])
        >>> compare_detections(near, moved).metres
        0.25
    """
    rows, columns = _pairs(expected, found)
    unmatched = len(expected.scores) + len(found.scores) - 2 * len(rows)
    a, b = (DetectionSet(*(values[index] for values in prediction))
            for prediction, index in ((expected, rows), (found, columns)))
    return Errors(metres=_largest_gap(a.boxes[:, :6], b.boxes[:, :6]),
                  radians=_largest_gap(wrap_angle(a.boxes[:, 6] - b.boxes[:, 6]), 0.),
                  score=_largest_gap(a.scores, b.scores),
                  pixels=_largest_gap(a.boxes_2d, b.boxes_2d),
                  compared=len(rows), unmatched=unmatched)


def compare_depths(expected: np.ndarray, found: np.ndarray) -> Errors:
    """Compare two depth maps (H, W), metres."""
    return Errors(metres=_largest_gap(expected, found), compared=expected.size)


def _pairs(expected: DetectionSet, found: DetectionSet) -> Tuple[np.ndarray, np.ndarray]:
    """Return the indices of paired detections in both predictions."""
    pairs: List[Tuple[int, int]] = []
    for label in np.unique(expected.labels):
        rows, columns = (np.flatnonzero(item.labels == label) for item in (expected, found))
        distances = np.linalg.norm(expected.boxes[rows, None, :3] - found.boxes[None, columns, :3],
                                   axis=-1)
        # A finite cost for NaN, which the assignment refuses.
        costs = np.nan_to_num(distances, nan=1e9, posinf=1e9)
        for row, column in zip(*linear_sum_assignment(costs)):
            if distances[row, column] <= MATCH_DISTANCE:
                pairs.append((rows[row], columns[column]))
    indices = np.array(pairs, dtype=int).reshape(-1, 2)
    return indices[:, 0], indices[:, 1]


def _largest_gap(first: np.ndarray, second) -> float:
    """Return the largest absolute difference; 0 for empty arrays."""
    return _largest(np.abs(first - second).ravel())
