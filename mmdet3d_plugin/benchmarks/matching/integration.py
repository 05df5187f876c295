"""From precision at several recalls to average precision."""
import numpy as np


def precision_envelope(precisions: np.ndarray) -> np.ndarray:
    """(..., R) precisions by ascending recall -> the largest at each recall or a higher
    one."""
    return np.maximum.accumulate(precisions[..., ::-1], axis=-1)[..., ::-1]


def area_under_curve(precisions: np.ndarray, recalls: np.ndarray,
                     max_recall_gap: float = 0.05) -> float:
    """Waymo's average precision (``ComputeMeanAveragePrecision``).

    Of equal recalls the best precision counts, and of higher recalls the best one
    holds for lower ones. Where two recalls lie further apart than
    ``max_recall_gap``, the precision of the higher holds down to steps of this size,
    and falls linearly only over the rest. Nothing counts beyond the highest recall,
    and below the lowest its precision holds.

    Args:
        precisions, recalls: (N,) in [0, 1], in any order.

    Returns:
        In [0, 1].
    """
    recalls = np.append(np.float32(0.), recalls.astype(np.float32))
    precisions = np.append(np.float32(1.), precisions.astype(np.float32))
    distinct, index = np.unique(recalls, return_inverse=True)
    best = np.zeros(len(distinct), dtype=np.float32)
    np.maximum.at(best, index, precisions)
    best = precision_envelope(best)
    if len(distinct) > 1:
        best[0] = best[1]  # that at recall 0 is no measurement
    area = 0.
    for low, high, at_low, at_high in zip(distinct, distinct[1:], best, best[1:]):
        gap = float(high) - float(low)
        # As many whole steps as leave more than nothing, up to rounding.
        steps = max(int(np.ceil((gap - 1e-6) / max_recall_gap)) - 1, 0)
        rest = gap - steps * max_recall_gap
        area += steps * max_recall_gap * at_high + rest * (float(at_low) + float(at_high)) / 2
    return float(area)
