"""Average precision from a precision-recall curve."""
import numpy as np


def precision_envelope(precisions: np.ndarray) -> np.ndarray:
    """Return the largest precision at each or a higher recall.

    Args:
        precisions: (..., R) by ascending recall.

    Returns:
        (..., R) non-increasing precisions.

    Example:
        >>> precision_envelope(np.array([.2, .9, .3, .5]))
        array([0.9, 0.9, 0.5, 0.5])
    """
    return np.maximum.accumulate(precisions[..., ::-1], axis=-1)[..., ::-1]


def area_under_curve(precisions: np.ndarray, recalls: np.ndarray,
                     max_recall_gap: float = 0.05) -> float:
    """Return Waymo's average precision (``ComputeMeanAveragePrecision``).

    1. Each precision is replaced by the largest precision at the same or a higher recall.
    2. The area between two neighbouring recalls is a trapezoid if they are at most
       ``max_recall_gap`` apart. A larger gap is divided from its upper end into steps of
       this size, which have the precision of the higher recall, and a trapezoid for the
       rest.
    3. Below the lowest recall, its precision is used. Above the highest recall, the area
       is 0.

    Args:
        precisions: (N,) in [0, 1].
        recalls: (N,) in [0, 1], in any order.
        max_recall_gap: largest gap between recalls that is interpolated linearly.

    Returns:
        Area in [0, 1].

    Example:
        >>> area_under_curve(np.array([.5]), np.array([1.]))
        0.5
    """
    recalls = np.append(np.float32(0.), recalls.astype(np.float32))
    precisions = np.append(np.float32(1.), precisions.astype(np.float32))
    distinct, index = np.unique(recalls, return_inverse=True)
    best = np.zeros(len(distinct), dtype=np.float32)
    np.maximum.at(best, index, precisions)
    best = precision_envelope(best)
    if len(distinct) > 1:
        best[0] = best[1]  # the point at recall 0 is added above, not measured
    area = 0.
    for low, high, at_low, at_high in zip(distinct, distinct[1:], best, best[1:]):
        gap = float(high) - float(low)
        # Whole steps; the trapezoid keeps a positive width, up to rounding.
        steps = max(int(np.ceil((gap - 1e-6) / max_recall_gap)) - 1, 0)
        rest = gap - steps * max_recall_gap
        area += steps * max_recall_gap * at_high + rest * (float(at_low) + float(at_high)) / 2
    return float(area)
