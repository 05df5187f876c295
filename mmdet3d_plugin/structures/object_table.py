"""Table of the objects of one image, shared by all benchmarks and drawings.

Every dataset of this project (KITTI, Waymo, nuScenes, the synthetic scenes) brings its
objects into this one convention, which is KITTI's::

    camera frame, metres                    box seen from above
                                                 z
            z (forward)                          ^      width
           /                                     |   +--------+
          /                                      |   |        |
         o------> x (right)                      |   |   ->   | length along the heading
         |                                       |   |  front |
         |                                       |   +--------+
         v                                       o-----------------> x
         y (down)                       rotation_y = 0: the front looks along +x

- The location is the centre of the **bottom** face; the box extends upwards, to smaller y.
- ``rotation_y`` turns about the y axis; at angle r the front looks along
  (cos r, 0, -sin r), so +90 degrees looks towards the camera.
- Sizes are stored as height, width, length; the length lies along the heading.
"""
from dataclasses import dataclass, fields
from typing import Optional, Sequence

import numpy as np

DONT_CARE = 'DontCare'


@dataclass
class ObjectTable:
    """The N objects of one frame, as columns.

    Attributes:
        names: (N,) str, class names; ``'DontCare'`` marks image regions.
        truncations: (N,) float, share of the object outside the image, 0-1.
        occlusions: (N,) int, 0 fully visible, 1 partly, 2 largely, 3 unknown.
        alphas: (N,) float, observation angle, radians.
        boxes_2d: (N, 4) float, left, top, right, bottom, pixels.
        sizes_hwl: (N, 3) float, height, width, length, metres.
        locations: (N, 3) float, bottom centre in the camera frame (x right,
            y down, z forward), metres.
        rotations_y: (N,) float, yaw around the camera's y axis, radians.
        scores: (N,) float, or None for labels.
    """
    names: np.ndarray
    truncations: np.ndarray
    occlusions: np.ndarray
    alphas: np.ndarray
    boxes_2d: np.ndarray
    sizes_hwl: np.ndarray
    locations: np.ndarray
    rotations_y: np.ndarray
    scores: Optional[np.ndarray] = None

    def __post_init__(self) -> None:
        lengths = {field.name: len(column) for field in fields(self)
                   if (column := getattr(self, field.name)) is not None}
        if len(set(lengths.values())) > 1:
            raise ValueError(f'columns of unequal length: {lengths}')

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index) -> 'ObjectTable':
        """Selects objects by a mask, a slice or an index array."""
        return ObjectTable(*(
            None if (column := getattr(self, field.name)) is None else column[index]
            for field in fields(self)))

    @classmethod
    def from_table(cls, names: Sequence[str], numbers: np.ndarray) -> 'ObjectTable':
        """From N names and the (N, 14 or 15) numbers that follow them."""
        numbers = np.asarray(numbers, dtype=np.float64)
        return cls(
            names=np.asarray(names, dtype=str),
            truncations=numbers[:, 0],
            occlusions=numbers[:, 1].astype(np.int64),
            alphas=numbers[:, 2],
            boxes_2d=numbers[:, 3:7],
            sizes_hwl=numbers[:, 7:10],
            locations=numbers[:, 10:13],
            rotations_y=numbers[:, 13],
            scores=numbers[:, 14] if numbers.shape[1] == 15 else None)

    @classmethod
    def empty(cls, with_scores: bool = False) -> 'ObjectTable':
        return cls.from_table([], np.zeros((0, 15 if with_scores else 14)))
