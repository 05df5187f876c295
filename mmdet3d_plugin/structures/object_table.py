"""Table of the objects of one image, shared by all benchmarks and drawings.

All datasets of this project (KITTI, Waymo, nuScenes, the synthetic scenes) convert their
objects to the convention below, which is KITTI's::

    camera frame, metres              box at rotation_y = 0, seen from above

            z (forward)               z
           /                          ^      length
          /                           |   +-----------+
         o------> x (right)           |   |           |
         |                            |   |     o---->| front     width
         |                            |   |           |
         v                            |   +-----------+
         y (down)                     o---------------------> x

- ``rotation_y`` is the rotation about the y axis. At angle r the front points along
  (cos r, 0, -sin r). Positive angles turn clockwise in the view from above: at 90 degrees
  the front points along -z, towards the camera.
- The location is the centre of the **bottom** face. The box extends upwards from there, to
  smaller y.
- Sizes are stored as height, width, length. The length lies along the heading.
- The observation angle alpha is ``rotation_y`` relative to the viewing ray:
  alpha = rotation_y - atan2(x, z) for an object at (x, y, z).
"""
from dataclasses import dataclass, fields
from typing import Optional, Sequence

import numpy as np

DONT_CARE = 'DontCare'


@dataclass
class ObjectTable:
    """The N objects of one frame, as columns.

    The module docstring defines the coordinate frame and the angles.

    Attributes:
        names: (N,) str, class names; :data:`DONT_CARE` marks image regions without labels.
        truncations: (N,) float in [0, 1], share of the object outside the image.
        occlusions: (N,) int, 0 fully visible, 1 partly, 2 largely, 3 unknown.
        alphas: (N,) float, observation angles, radians.
        boxes_2d: (N, 4) float, left, top, right, bottom, pixels of the original image.
        sizes_hwl: (N, 3) float, height, width, length, metres.
        locations: (N, 3) float, bottom centres, camera frame, metres.
        rotations_y: (N,) float, rotations about the y axis, radians.
        scores: (N,) float, or None for labels.

    Raises:
        ValueError: the columns differ in length.

    Example:
        >>> row = [0, 0, 0., 560, 170, 640, 230, 1.5, 1.6, 3.9, 0., 1.7, 20., 0.]
        >>> objects = ObjectTable.from_table(['Car', 'Van'], [row, row])
        >>> cars = objects[objects.names == 'Car']
        >>> len(cars), cars.locations.tolist()
        (1, [[0.0, 1.7, 20.0]])
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
        """Select objects by a mask, a slice or an index array."""
        return ObjectTable(*(
            None if (column := getattr(self, field.name)) is None else column[index]
            for field in fields(self)))

    @classmethod
    def from_table(cls, names: Sequence[str], numbers: np.ndarray) -> 'ObjectTable':
        """Create a table from rows in the field order of a KITTI label file.

        Args:
            names: N class names.
            numbers: (N, 14) numbers that follow the name in each line: truncation,
                occlusion, alpha, left, top, right, bottom, height, width, length, x, y, z,
                rotation_y. (N, 15) with the score of a result line.
        """
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
        """Create a table without objects.

        Args:
            with_scores: whether it has a column of scores, as predictions do.
        """
        return cls.from_table([], np.zeros((0, 15 if with_scores else 14)))

    @classmethod
    def concatenate(cls, tables: Sequence['ObjectTable'],
                    with_scores: bool = False) -> 'ObjectTable':
        """Create a table of the objects of several tables, in order.

        Args:
            tables: the tables; there may be none.
            with_scores: whether the result has scores. If not, scores are left out.
        """
        tables = [cls.empty(with_scores), *tables]
        return cls(**{
            field.name: np.concatenate([getattr(table, field.name) for table in tables])
            for field in fields(cls) if with_scores or field.name != 'scores'})
