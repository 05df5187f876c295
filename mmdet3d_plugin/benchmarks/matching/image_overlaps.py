"""Overlaps of upright boxes in the image."""
import numpy as np


def iou_2d(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(N, M) IoU of (N, 4) and (M, 4) boxes: left, top, right, bottom, pixels."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=-1)
             for boxes in (first, second)]
    united = areas[0][:, None] + areas[1][None] - shared
    return np.divide(shared, united, out=np.zeros_like(shared), where=united > 0)
