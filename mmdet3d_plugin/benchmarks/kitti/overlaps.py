"""Overlaps of KITTI boxes: in the image, on the ground plane and in space.

All three are ``intersection / (extent + extent - intersection)``, as the KITTI object
development kit defines them. They are the columns of one array, in the order of
:data:`METRICS`: image area (px²), ground area (m²) and volume (m³).
"""
from typing import Tuple

import numpy as np

from ...structures.object_table import ObjectTable
from ..matching.image_overlaps import image_intersections
from ..matching.rotated_overlaps import ground_intersections, ratio

METRICS = ('2D', 'BEV', '3D')


def extents(objects: ObjectTable) -> np.ndarray:
    """Return the extents of N boxes.

    Returns:
        (N, 3) image area (px²), ground area (m²) and volume (m³).
    """
    left, top, right, bottom = objects.boxes_2d.T
    height, width, length = objects.sizes_hwl.T
    ground = length * width
    return np.stack([(right - left) * (bottom - top), ground, ground * height], axis=1)


def intersections(first: ObjectTable, second: ObjectTable) -> np.ndarray:
    """Return the intersections of N pairs of boxes.

    Args:
        first: N boxes.
        second: N boxes; box i is intersected with box i of ``first``.

    Returns:
        (N, 3) in the units of :func:`extents`.
    """
    ground = ground_intersections(_ground_boxes(first), _ground_boxes(second))
    lower = np.minimum(first.locations[:, 1], second.locations[:, 1])
    upper = np.maximum(first.locations[:, 1] - first.sizes_hwl[:, 0],
                       second.locations[:, 1] - second.sizes_hwl[:, 0])
    return np.stack([image_intersections(first.boxes_2d, second.boxes_2d), ground,
                     ground * np.maximum(lower - upper, 0)], axis=1)


def box_overlaps(first: ObjectTable, second: ObjectTable) -> np.ndarray:
    """Return the intersection over union of N pairs of boxes.

    Args:
        first: N boxes.
        second: N boxes; box i is compared with box i of ``first``.

    Returns:
        (N, 3) in 2D, BEV and 3D; 0 where a box has no extent.

    Example:
        Two boxes of length 4 on the ground, 2 m apart along their length:

        >>> rows = [[0, 0, 0., 0, 0, 10, 10, 1.5, 2, 4, x, 1.5, 20., 0.] for x in (0., 2.)]
        >>> boxes = ObjectTable.from_table(['Car', 'Car'], rows)
        >>> box_overlaps(boxes[:1], boxes[1:]).round(3)
        array([[1.   , 0.333, 0.333]])
    """
    shared = intersections(first, second)
    return ratio(shared, extents(first) + extents(second) - shared)


def box_coverages(first: ObjectTable, second: ObjectTable) -> np.ndarray:
    """Return the covered share of N boxes.

    Args:
        first: N boxes.
        second: N boxes; box i covers a part of box i of ``first``.

    Returns:
        (N, 3) in 2D, BEV and 3D: intersection divided by the extent of ``first``.
    """
    return ratio(intersections(first, second), extents(first))


def close_pairs(first: ObjectTable, second: ObjectTable) -> Tuple[np.ndarray, np.ndarray]:
    """Find the pairs of boxes that may overlap in some metric.

    Two boxes may overlap if their image boxes intersect, or if the circles around their
    ground rectangles do.

    Args:
        first: N boxes.
        second: M boxes.

    Returns:
        (P,) indices into ``first``, ascending, and (P,) indices into ``second``, ascending
        for each box of ``first``.
    """
    a, b = first.boxes_2d[:, None], second.boxes_2d[None]
    meet = (np.minimum(a[..., 2:], b[..., 2:]) > np.maximum(a[..., :2], b[..., :2])).all(-1)
    offset = first.locations[:, None, ::2] - second.locations[None, :, ::2]
    reach = _radii(first)[:, None] + _radii(second)[None]
    return np.nonzero(meet | ((offset**2).sum(-1) < reach**2))


def _radii(objects: ObjectTable) -> np.ndarray:
    """Return the (N,) radii of the circles around the ground rectangles, metres."""
    return np.hypot(objects.sizes_hwl[:, 1], objects.sizes_hwl[:, 2]) / 2


def _ground_boxes(objects: ObjectTable) -> np.ndarray:
    """Return (N, 5) x, z, length, width, rotation_y."""
    return np.column_stack([objects.locations[:, ::2], objects.sizes_hwl[:, :0:-1],
                            objects.rotations_y])
