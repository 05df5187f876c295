"""KITTI object files: labels (15 fields a line) and results (16, with score).

Field order: name, truncation, occlusion, alpha, left, top, right, bottom,
height, width, length, x, y, z, rotation_y [, score].
"""
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Optional, Sequence, Union

import numpy as np

from ..errors import InputError
from ..utils.files import atomic_write, shortened

DONT_CARE = 'DontCare'
LIMIT = 1e6  # no pixel, metre or radian of a frame is beyond it
MAX_NAME = 64  # characters of a class name


@dataclass
class KittiObjects:
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

    def __getitem__(self, index) -> 'KittiObjects':
        """Selects objects by a mask, a slice or an index array."""
        return KittiObjects(*(
            None if (column := getattr(self, field.name)) is None else column[index]
            for field in fields(self)))

    @classmethod
    def from_table(cls, names: Sequence[str], numbers: np.ndarray) -> 'KittiObjects':
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
    def empty(cls, with_scores: bool = False) -> 'KittiObjects':
        return cls.from_table([], np.zeros((0, 15 if with_scores else 14)))


def read_objects(path: Union[str, Path], with_scores: bool = False) -> KittiObjects:
    """Reads a label file, or a result file when ``with_scores``.

    An empty file holds no objects.

    Raises:
        InputError: the file is missing or is not text, a line has the wrong
            number of fields, a name is no word, or a field is not a finite number
            or, scores aside, beyond :data:`LIMIT`.
    """
    try:
        text = Path(path).read_text(encoding='utf-8')
    except FileNotFoundError:
        raise InputError(f'{path}: no such file; every frame of the split needs one '
                         '(empty if it holds no objects)') from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: not a readable text file ({error})') from None

    width = 16 if with_scores else 15
    rows = [line.split() for line in text.splitlines()]
    for number, row in enumerate(rows, start=1):
        if row and len(row) != width:
            kind = 'result line ends with a' if with_scores else 'label line has no'
            raise InputError(f'{path}:{number}: {len(row)} fields, expected {width} (a {kind} '
                             'score); mend or remove the line')
    filled = [row for row in rows if row]
    if not filled:
        return KittiObjects.empty(with_scores)
    try:
        numbers = np.array([row[1:] for row in filled], dtype=np.float64)
    except ValueError:
        numbers = None
    if (numbers is None or not np.isfinite(numbers).all()
            or (np.abs(numbers[:, :14]) > LIMIT).any()):
        raise _bad_number(path, rows)
    for number, row in enumerate(rows, start=1):
        if row and (len(row[0]) > MAX_NAME or not row[0].isprintable()):
            raise InputError(f'{path}:{number}: {shortened(row[0])} is no class name; mend or '
                             'remove the line')
    return KittiObjects.from_table([row[0] for row in filled], numbers)


def _bad_number(path: Union[str, Path], rows: Sequence[Sequence[str]]) -> InputError:
    """Names the first field that is not a finite number."""
    for number, row in enumerate(rows, start=1):
        for position, value in enumerate(row[1:], start=2):
            try:
                magnitude = abs(np.float64(value))
            except ValueError:
                magnitude = np.nan
            if not magnitude <= (LIMIT if position < 16 else np.finfo(np.float64).max):
                return InputError(f'{path}:{number}: field {position} is {shortened(value)}, '
                                  f'expected a finite number of at most {LIMIT:g}; mend or '
                                  'remove the line')
    return InputError(f'{path}: holds a value that is not a finite number')


def write_objects(path: Union[str, Path], objects: KittiObjects,
                  decimals: int = 2) -> None:
    """Writes a label file, or a result file when the objects carry scores.

    Args:
        decimals: digits after the point, KITTI's own files have 2; scores keep
            at least 4, since rounding them makes ties that change the AP.
    """
    floats = [objects.truncations, objects.occlusions, objects.alphas,
              objects.boxes_2d, objects.sizes_hwl, objects.locations, objects.rotations_y]
    table = np.column_stack(floats) if len(objects) else np.zeros((0, 14))
    lines = []
    for index, (name, row) in enumerate(zip(objects.names, table)):
        values = [f'{value:.{decimals}f}' for value in row]
        values[1] = str(int(row[1]))
        if objects.scores is not None:
            values.append(f'{objects.scores[index]:.{max(decimals, 4)}f}')
        lines.append(' '.join([str(name), *values]) + '\n')
    atomic_write(path, ''.join(lines))
