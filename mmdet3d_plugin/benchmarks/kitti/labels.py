"""KITTI object files: labels (15 fields per line) and results (16, with score).

Field order: name, truncation, occlusion, alpha, left, top, right, bottom,
height, width, length, x, y, z, rotation_y [, score].
"""
from pathlib import Path
from typing import Sequence, Union

import numpy as np

from ...errors import InputError
from ...structures.object_table import ObjectTable
from ...utils.files import atomic_write, read_text, shortened

LIMIT = 1e6  # largest magnitude of a field except the score; pixels, metres or radians
MAX_NAME = 64  # characters of a class name


def read_objects(path: Union[str, Path], with_scores: bool = False) -> ObjectTable:
    """Read a label file or a result file.

    An empty file holds no objects. Empty lines are skipped.

    Args:
        path: the file.
        with_scores: whether it is a result file, with a score at the end of each line.

    Raises:
        InputError: the file is missing or not text, a line has the wrong number of fields,
            a class name is too long or not printable, a field is not a finite number, or a
            field except the score is beyond :data:`LIMIT`. The message names the line.

    Example:
        >>> import tempfile
        >>> line = 'Car 0.00 0 -1.58 587 173 614 200 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59'
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, '000000.txt').write_text(line)
        ...     labels = read_objects(f'{folder}/000000.txt')
        >>> labels.names.tolist(), labels.locations.tolist()
        (['Car'], [[-0.65, 1.71, 46.7]])
    """
    text = read_text(path, 'no such file; every frame of the split needs one (empty if it holds '
                     'no objects)')
    width = 16 if with_scores else 15
    rows = [line.split() for line in text.splitlines()]
    for number, row in enumerate(rows, start=1):
        if row and len(row) != width:
            kind = 'result line ends with a' if with_scores else 'label line has no'
            raise InputError(f'{path}:{number}: {len(row)} fields, expected {width} (a {kind} '
                             'score); correct or remove the line')
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
            raise InputError(f'{path}:{number}: {shortened(row[0])} is no class name; correct or '
                             'remove the line')
    return ObjectTable.from_table([row[0] for row in filled], numbers)


def _bad_number(path: Union[str, Path], rows: Sequence[Sequence[str]]) -> InputError:
    """Return the error that names the first invalid number."""
    for number, row in enumerate(rows, start=1):
        for position, value in enumerate(row[1:], start=2):
            try:
                magnitude = abs(np.float64(value))
            except ValueError:
                magnitude = np.nan
            if not magnitude <= (LIMIT if position < 16 else np.finfo(np.float64).max):
                return InputError(f'{path}:{number}: field {position} is {shortened(value)}, '
                                  f'expected a finite number of at most {LIMIT:g}; correct or '
                                  'remove the line')
    return InputError(f'{path}: holds a value that is not a finite number')


def write_objects(path: Union[str, Path], objects: ObjectTable,
                  decimals: int = 2) -> None:
    """Write a label file, or a result file if the objects have scores.

    Args:
        path: the file to write.
        objects: N objects; N lines are written.
        decimals: digits after the decimal point, 2 in KITTI's own files. Scores get at
            least 4, because rounding makes ties that change the AP.

    Raises:
        InputError: the folder cannot be written.

    Example:
        >>> import tempfile
        >>> row = [0, 0, 0., 560, 170, 640, 230, 1.5, 1.6, 3.9, 0., 1.7, 20., 0., .9]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_objects(f'{folder}/0.txt', ObjectTable.from_table(['Car'], [row]), 1)
        ...     Path(folder, '0.txt').read_text()
        'Car 0.0 0 0.0 560.0 170.0 640.0 230.0 1.5 1.6 3.9 0.0 1.7 20.0 0.0 0.9000\\n'
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
