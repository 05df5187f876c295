"""KITTI object files: labels (15 fields a line) and results (16, with score).

Field order: name, truncation, occlusion, alpha, left, top, right, bottom,
height, width, length, x, y, z, rotation_y [, score].
"""
from pathlib import Path
from typing import Sequence, Union

import numpy as np

from ...errors import InputError
from ...structures.object_table import ObjectTable
from ...utils.files import atomic_write, shortened

LIMIT = 1e6  # no pixel, metre or radian of a frame is beyond it
MAX_NAME = 64  # characters of a class name


def read_objects(path: Union[str, Path], with_scores: bool = False) -> ObjectTable:
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
        return ObjectTable.empty(with_scores)
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
    return ObjectTable.from_table([row[0] for row in filled], numbers)


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


def write_objects(path: Union[str, Path], objects: ObjectTable,
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
