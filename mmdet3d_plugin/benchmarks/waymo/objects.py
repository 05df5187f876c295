"""Labels and detections of many frames as arrays."""
from dataclasses import dataclass, fields
from typing import Optional, Sequence

import numpy as np

# Waymo's type numbers of what is detected.
TYPES = {'Vehicle': 1, 'Pedestrian': 2, 'Cyclist': 4}
MAX_POINTS_OF_LEVEL_2 = 5


@dataclass
class WaymoObjects:
    """N objects.

    Attributes:
        segments: (N,) str, name of the segment (context) of each object's frame.
        timestamps: (N,) int64, microseconds, of its frame.
        types: (N,) int, Waymo's type numbers.
        boxes: (N, 7) centre x, y, z, length, width, height in metres and heading in
            radians, in the vehicle frame: x forward, y left, z up.
        camera_boxes: (N, 7) x, y, z of the bottom centre, length, height, width and
            rotation_y in KITTI's camera frame; None if not known.
        scores: (N,) float32 of detections, None of labels.
        num_points: (N,) int, LiDAR points of labels, None of detections.
        difficulties: (N,) int of labels as annotated, 0 where not; None of detections.
        in_front: (N,) bool of labels, whether the front camera's image shows some of
            it; None if not known.
        in_no_label_zone: (N,) bool of detections, whether they overlap a zone without
            labels, where they are no false positives; None if there are none.
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
        return WaymoObjects(**{
            field.name: None if getattr(self, field.name) is None
            else getattr(self, field.name)[index] for field in fields(self)})


def levels_of(labels: WaymoObjects, annotated: bool) -> np.ndarray:
    """(N,) difficulty levels 1 or 2: 2 of labels with at most 5 LiDAR points.

    Args:
        annotated: a label's own difficulty, where it has one, counts instead.
    """
    by_points = np.where(labels.num_points <= MAX_POINTS_OF_LEVEL_2, 2, 1)
    if not annotated or labels.difficulties is None:
        return by_points
    return np.where(labels.difficulties > 0, labels.difficulties, by_points)


def concatenate(frames: Sequence[WaymoObjects]) -> WaymoObjects:
    """The objects of all frames in a row; of one frame at least."""
    return WaymoObjects(**{
        field.name: None if getattr(frames[0], field.name) is None
        else np.concatenate([getattr(frame, field.name) for frame in frames])
        for field in fields(WaymoObjects)})
