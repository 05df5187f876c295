"""Overlaps of axis-aligned boxes in the image."""
import numpy as np


def image_intersections(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the areas that pairs of boxes share.

    Args:
        first, second: (..., 4) left, top, right, bottom. The shapes broadcast.

    Returns:
        (...) areas in squared units of the input; 0 for boxes that do not intersect.
    """
    sides = (np.minimum(first[..., 2:], second[..., 2:])
             - np.maximum(first[..., :2], second[..., :2]))
    return np.maximum(sides, 0).prod(axis=-1)


def iou_2d(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the intersection over union of all pairs of boxes.

    Args:
        first: (N, 4) left, top, right, bottom, pixels.
        second: (M, 4) likewise.

    Returns:
        (N, M) in [0, 1]; 0 where both boxes have no area.

    Example:
        >>> iou_2d(np.array([[0., 0., 10., 10.]]), np.array([[0., 0., 10., 5.]]))
        array([[0.5]])
    """
    shared = image_intersections(first[:, None], second[None])
    areas = [np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=-1)
             for boxes in (first, second)]
    united = areas[0][:, None] + areas[1][None] - shared
    return np.divide(shared, united, out=np.zeros_like(shared), where=united > 0)
