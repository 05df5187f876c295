"""Waymo labels and detections of many frames, as arrays."""
from dataclasses import dataclass, fields
from typing import Optional, Sequence

import numpy as np

# Waymo's type numbers of the evaluated classes.
TYPES = {'Vehicle': 1, 'Pedestrian': 2, 'Cyclist': 4}
MAX_POINTS_OF_LEVEL_2 = 5


@dataclass
class WaymoObjects:
    """N objects of any number of frames.

    The vehicle frame has x forward, y left and z up. The camera frame is that of
    :mod:`~mmdet3d_plugin.structures.object_table`.

    Attributes:
        segments: (N,) str, name of the segment (context) of each object's frame.
        timestamps: (N,) int64, time of the frame, microseconds.
        types: (N,) int, Waymo's type numbers.
        boxes: (N, 7) centre x, y, z, length, width, height in metres and heading in
            radians, vehicle frame.
        camera_boxes: (N, 7) x, y, z of the bottom centre, length, height, width in metres
            and rotation_y in radians, camera frame; None if unknown.
        scores: (N,) float32; None for labels.
        num_points: (N,) int, number of LiDAR points; None for detections.
        difficulties: (N,) int, annotated level of labels, 0 where there is none; None for
            detections.
        in_front: (N,) bool, whether the front camera's image shows a part of the label;
            None if unknown.
        in_no_label_zone: (N,) bool, whether the detection overlaps a zone without labels,
            where it is no false positive; None if unknown.

    Example:
        >>> objects = WaymoObjects(np.array(['a', 'a']), np.array([0, 0]), np.array([1, 2]),
        ...                        np.zeros((2, 7)))
        >>> objects[objects.types == TYPES['Vehicle']].boxes.shape
        (1, 7)
    """
    segments: np.ndarray
    timestamps: np.ndarray
    types: np.ndarray
    boxes: np.ndarray
    camera_boxes: Optional[np.ndarray] = None
    scores: Optional[np.ndarray] = None
    num_points: Optional[np.ndarray] = None
    difficulties: Optional[np.ndarray] = None
    in_front: Optional[np.ndarray] = None
    in_no_label_zone: Optional[np.ndarray] = None

    def __len__(self) -> int:
        return len(self.types)

    def __getitem__(self, index) -> 'WaymoObjects':
        """Select objects by a mask, a slice or an index array."""
        return WaymoObjects(**{
            field.name: None if getattr(self, field.name) is None
            else getattr(self, field.name)[index] for field in fields(self)})


def levels_of(labels: WaymoObjects, annotated: bool) -> np.ndarray:
    """Return the difficulty levels of labels.

    Args:
        labels: N labels with ``num_points``.
        annotated: whether to use the annotated level of a label if it has one.

    Returns:
        (N,) int: 2 for labels with at most 5 LiDAR points, otherwise 1.
    """
    by_points = np.where(np.asarray(labels.num_points) <= MAX_POINTS_OF_LEVEL_2, 2, 1)
    if not annotated or labels.difficulties is None:
        return by_points
    return np.where(labels.difficulties > 0, labels.difficulties, by_points)


def concatenate(frames: Sequence[WaymoObjects]) -> WaymoObjects:
    """Return the objects of all frames as one set.

    Args:
        frames: at least one; all have the same fields.
    """
    return WaymoObjects(**{
        field.name: None if getattr(frames[0], field.name) is None
        else np.concatenate([getattr(frame, field.name) for frame in frames])
        for field in fields(WaymoObjects)})
