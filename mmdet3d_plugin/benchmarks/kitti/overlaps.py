"""Overlaps of KITTI boxes: in the image, on the ground plane and in space.

All three are ``intersection / (extent + extent - intersection)``, as the KITTI
object development kit defines them, so they are kept as the columns of one
array: pixel areas, ground areas (m²) and volumes (m³).
"""
from typing import Tuple

import numpy as np

from ...structures.object_table import ObjectTable
from ..matching.rotated_overlaps import ground_intersections, ratio

METRICS = ('2D', 'BEV', '3D')


def extents(objects: ObjectTable) -> np.ndarray:
    """(N, 3) image area (px²), ground area (m²) and volume (m³) of each box."""
    left, top, right, bottom = objects.boxes_2d.T
    height, width, length = objects.sizes_hwl.T
    ground = length * width
    return np.stack([(right - left) * (bottom - top), ground, ground * height], axis=1)


def intersections(first: ObjectTable, second: ObjectTable) -> np.ndarray:
    """(N, 3) intersections of the N boxes of ``first`` with those of ``second``,
    row by row, in the units of :func:`extents`."""
    ground = ground_intersections(_ground_boxes(first), _ground_boxes(second))
    lower = np.minimum(first.locations[:, 1], second.locations[:, 1])
    upper = np.maximum(first.locations[:, 1] - first.sizes_hwl[:, 0],
                       second.locations[:, 1] - second.sizes_hwl[:, 0])
    return np.stack([image_intersections(first.boxes_2d, second.boxes_2d), ground,
                     ground * np.maximum(lower - upper, 0)], axis=1)


def box_overlaps(first: ObjectTable, second: ObjectTable) -> np.ndarray:
    """(N, 3) intersection over union, row by row; 0 where a box has no extent."""
    shared = intersections(first, second)
    return ratio(shared, extents(first) + extents(second) - shared)


def box_coverages(first: ObjectTable, second: ObjectTable) -> np.ndarray:
    """(N, 3) share of each box of ``first`` that ``second`` covers, row by row."""
    return ratio(intersections(first, second), extents(first))


def image_intersections(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Areas shared by upright rectangles, row by row.

    Args:
        first, second: (N, 4) left, top, right, bottom.

    Returns:
        (N,) areas in squared units of the input.
    """
    sides = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
    return np.maximum(sides, 0).prod(axis=1)


def close_pairs(first: ObjectTable, second: ObjectTable) -> Tuple[np.ndarray, np.ndarray]:
    """Index pairs whose boxes may overlap in some metric, of all (N, M) pairs.

    Two boxes may if their image boxes meet or the circles around their ground
    rectangles do.

    Returns:
        The (P,) indices into ``first``, ascending, and into ``second``, ascending
        within each of the first.
    """
    a, b = first.boxes_2d[:, None], second.boxes_2d[None]
    meet = (np.minimum(a[..., 2:], b[..., 2:]) > np.maximum(a[..., :2], b[..., :2])).all(-1)
    offset = first.locations[:, None, ::2] - second.locations[None, :, ::2]
    reach = _radii(first)[:, None] + _radii(second)[None]
    return np.nonzero(meet | ((offset**2).sum(-1) < reach**2))


def _radii(objects: ObjectTable) -> np.ndarray:
    return np.hypot(objects.sizes_hwl[:, 1], objects.sizes_hwl[:, 2]) / 2


def _ground_boxes(objects: ObjectTable) -> np.ndarray:
    return np.column_stack([objects.locations[:, ::2], objects.sizes_hwl[:, :0:-1],
                            objects.rotations_y])
