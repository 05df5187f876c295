"""Reader of MMEngine's training log, ``vis_data/scalars.json``."""
import json
import math
from pathlib import Path
from typing import Any, Dict, List, Set, Union

from ..errors import InputError, visible
from ..utils.files import read_bytes, shortened

MAX_BYTES = 1 << 28
MAX_NAMES = 1000  # different names of values in a log
MAX_NAME = 80  # characters of a name
MAX_NUMBER = 1e30  # beyond it, a number counts as infinite, which plots and tables leave out
COUNTERS = ('step', 'iter', 'epoch')


def read_training_log(work_dir: Path) -> List[Dict[str, Any]]:
    """Return the log rows of a run, merged over its sessions.

    A resumed training writes a new log. Its rows replace those of earlier sessions from its
    first step on.

    Args:
        work_dir: folder of the run.

    Raises:
        InputError: a log cannot be read, see :func:`read_scalars`.
    """
    rows: List[Dict[str, Any]] = []
    for path in log_files(work_dir):
        session = [row for row in read_scalars(path) if 'step' in row]
        if session:
            start = session[0]['step']
            rows = [row for row in rows if row['step'] < start] + session
    return rows


def log_files(work_dir: Path) -> List[Path]:
    """Return the logs of a run in the order of their sessions."""
    return sorted(work_dir.glob('*/vis_data/scalars.json'))


def read_scalars(path: Union[str, Path]) -> List[Dict[str, Any]]:
    """Read a log with one JSON object per line.

    An incomplete last line, as in a log that is still being written, is left out. So are values
    that are no numbers.

    Returns:
        Rows of numbers by name. ``step``, ``iter`` and ``epoch`` are finite and at least 0.

    Raises:
        InputError: the file is missing, too large or no regular file, a line before the last is
            not a JSON object, a counter is no number, or there are too many names.
    """
    content = read_bytes(path, "no such file; give the 'vis_data/scalars.json' of a training run",
                         MAX_BYTES, 'remove the log')
    lines = [(number, line) for number, line in enumerate(
        content.decode('utf-8', errors='replace').split('\n'), start=1) if line.strip()]
    rows: List[dict] = []
    names: Set[str] = set()
    for number, line in lines:
        try:
            row = json.loads(line, parse_int=_integer)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            rows.append(_numbers(row, f'{path}:{number}'))
            names.update(rows[-1])
        elif number != lines[-1][0]:
            raise InputError(f"{path}:{number}: not a JSON object; give MMEngine's "
                             "'scalars.json', or remove the line")
        if len(names) > MAX_NAMES:
            raise InputError(f'{path}:{number}: the log has more than {MAX_NAMES} names of '
                             "values; give MMEngine's 'scalars.json'")
    return rows


def _integer(text: str) -> Union[int, float]:
    """Return a whole number. A number of too many digits for Python becomes a float."""
    return int(text) if len(text) < 16 else float(text)


def _is_counter(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < math.inf


def _numbers(row: Dict[str, Any], place: str) -> Dict[str, Any]:
    """Return the numbers of a row, huge ones as infinity."""
    numbers = {}
    for name, value in row.items():
        if isinstance(value, (int, float)) or value is None:
            if value is not None and abs(value) > MAX_NUMBER:
                value = math.copysign(math.inf, value)
            numbers[visible(name, MAX_NAME)] = value
        if name in COUNTERS and not _is_counter(numbers.get(name)):
            raise InputError(f"{place}: {name} is {shortened(value)}, expected a number of at "
                             "least 0; give MMEngine's 'scalars.json', or remove the line")
    return numbers
