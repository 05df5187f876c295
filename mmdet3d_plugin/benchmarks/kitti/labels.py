"""KITTI object files: labels (15 fields per line) and results (16, with score).

Field order: name, truncation, occlusion, alpha, left, top, right, bottom,
height, width, length, x, y, z, rotation_y [, score].
"""
from dataclasses import dataclass
from pathlib import Path
from typing import List, Tuple, Union

import numpy as np

from ...errors import InputError
from ...structures.class_names import find_class
from ...structures.object_table import DONT_CARE, ObjectTable
from ...utils.files import atomic_write, read_text, shortened

LIMIT = 1e6  # largest magnitude of a field except the score; pixels, metres or radians
MAX_NAME = 64  # characters of a class name
LABEL_FIELDS = 15
MAX_BYTES = 1 << 22  # about 30,000 objects

Row = Tuple[int, List[str]]  # number of a line, from 1, and its fields


@dataclass
class ObjectFile:
    """Content of a label file or a result file.

    Attributes:
        objects: N objects.
        lines: (N,) number of each object's line, from 1.
        ignored_scores: whether lines of a label file end with a score. Exporters of other data
            sets write such a score, and it is ignored.
    """
    objects: ObjectTable
    lines: np.ndarray
    ignored_scores: bool


def read_objects(path: Union[str, Path], with_scores: bool = False) -> ObjectTable:
    """Read the objects of a label file or a result file, see :func:`read_object_file`.

    Example:
        >>> import tempfile
        >>> line = 'Car 0.00 0 -1.58 587 173 614 200 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59'
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, '000000.txt').write_text(line)
        ...     labels = read_objects(f'{folder}/000000.txt')
        >>> labels.names.tolist(), labels.locations.tolist()
        (['Car'], [[-0.65, 1.71, 46.7]])
    """
    return read_object_file(path, with_scores).objects


def read_object_file(path: Union[str, Path], with_scores: bool = False) -> ObjectFile:
    r"""Read a label file or a result file.

    Fields are separated by blanks or tabs. An empty file holds no objects. Empty lines are
    skipped. Names keep their spelling, except for DontCare in another case.

    Args:
        path: the file.
        with_scores: whether it is a result file, with a score at the end of each line. A score
            at the end of a label line is ignored, and may be NaN.

    Raises:
        InputError: the file is missing or not text, a line has the wrong number of fields,
            a class name is too long or not printable, a field is not a finite number, a
            field except the score is beyond :data:`LIMIT`, or the occlusion of a label is not
            a level. The message names the line.

    Example:
        >>> import tempfile
        >>> line = 'Car 0 0 -1.58 587 173 614 200 1.65 1.67 3.64 -0.65 1.71 46.7 -1.59 nan'
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, '000000.txt').write_text(f'\n{line}')
        ...     labels = read_object_file(f'{folder}/000000.txt')
        >>> labels.lines.tolist(), labels.ignored_scores
        ([2], True)
    """
    text = read_text(path, 'no such file; every frame of the split needs one (empty if it holds '
                     'no objects)', MAX_BYTES)
    rows = [(number, fields) for number, line in enumerate(text.splitlines(), start=1)
            if (fields := line.split())]
    width = LABEL_FIELDS + with_scores
    for number, fields in rows:
        if len(fields) not in (width, LABEL_FIELDS + 1):
            fix = ('16 (a result line ends with a score)' if with_scores
                   else '15 (or 16, with a score that is ignored)')
            raise InputError(f'{path}:{number}: {len(fields)} fields, expected {fix}; correct or '
                             'remove the line')
    if not rows:
        return ObjectFile(ObjectTable.empty(with_scores), np.zeros(0, dtype=np.int64), False)
    scored = [(number, fields) for number, fields in rows if len(fields) > width]
    try:
        numbers = np.array([fields[1:width] for _, fields in rows], dtype=np.float64)
        np.array([fields[-1] for _, fields in scored], dtype=np.float64)
    except ValueError:
        numbers = None
    if (numbers is None or not np.isfinite(numbers).all()
            or (np.abs(numbers[:, :14]) > LIMIT).any()):
        raise _bad_number(path, rows, width)
    for number, fields in rows:
        if len(fields[0]) > MAX_NAME or not fields[0].isprintable():
            raise InputError(f'{path}:{number}: {shortened(fields[0])} is no class name; correct '
                             'or remove the line')
    ratios = numbers[:, 1] % 1 != 0
    if ratios.any() and not with_scores:
        number, fields = rows[ratios.argmax()]
        raise InputError(f'{path}:{number}: field 3, the occlusion, is {shortened(fields[2])}, '
                         'expected a level: 0 fully visible, 1 partly, 2 largely occluded, 3 '
                         'unknown; convert the ratio to a level')
    names = [find_class(fields[0], (DONT_CARE, )) or fields[0] for _, fields in rows]
    return ObjectFile(ObjectTable.from_table(names, numbers),
                      np.array([number for number, _ in rows]), bool(scored))


def _bad_number(path: Union[str, Path], rows: List[Row], width: int) -> InputError:
    """Return the error that names the first invalid number.

    Args:
        path: the file.
        rows: lines with their fields.
        width: number of fields that are read. A further field may be any number.
    """
    for number, fields in rows:
        for position, value in enumerate(fields[1:], start=2):
            try:
                magnitude = abs(np.float64(value))
            except ValueError:
                magnitude = np.nan
            else:
                if position > width:
                    continue
            if not magnitude <= (LIMIT if position < 16 else np.finfo(np.float64).max):
                return InputError(f'{path}:{number}: field {position} is {shortened(value)}, '
                                  f'expected a finite number of at most {LIMIT:g}; correct or '
                                  'remove the line')
    return InputError(f'{path}: holds a value that is not a finite number')


def write_objects(path: Union[str, Path], objects: ObjectTable,
                  decimals: int = 2) -> None:
    r"""Write a label file, or a result file if the objects have scores.

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
        'Car 0.0 0 0.0 560.0 170.0 640.0 230.0 1.5 1.6 3.9 0.0 1.7 20.0 0.0 0.9000\n'
    """
    atomic_write(path, format_objects(objects, decimals))


def format_objects(objects: ObjectTable, decimals: int = 2) -> str:
    """Return the text of a label file or a result file, see :func:`write_objects`.

    Args:
        objects: N objects; the text has N lines.
        decimals: digits after the decimal point.
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
    return ''.join(lines)
