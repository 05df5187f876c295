"""Reader of MMEngine's training log, ``vis_data/scalars.json``."""
import json
from pathlib import Path
from typing import Any, Dict, List, Union

from ..errors import InputError


def read_training_log(work_dir: Path) -> List[Dict[str, Any]]:
    """Return the log rows of a run, merged over its sessions.

    A resumed training writes a new log. Its rows replace those of earlier sessions from its
    first step on.

    Args:
        work_dir: folder of the run.
    """
    rows: List[Dict[str, Any]] = []
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        session = [row for row in read_scalars(path) if 'step' in row]
        if session:
            start = session[0]['step']
            rows = [row for row in rows if row['step'] < start] + session
    return rows


def read_scalars(path: Union[str, Path]) -> List[Dict[str, Any]]:
    """Read a log with one JSON object per line.

    An incomplete last line, as in a log that is still being written, is left out.

    Raises:
        InputError: the file is missing, or a line before the last is not a JSON object.
    """
    try:
        text = Path(path).read_text(encoding='utf-8', errors='replace')
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; give the 'vis_data/scalars.json' of a "
                         'training run') from None
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror})') from None
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1)
             if line.strip()]
    rows = []
    for number, line in lines:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            row = None
        if isinstance(row, dict):
            rows.append(row)
        elif number != lines[-1][0]:
            raise InputError(f"{path}:{number}: not a JSON object; give MMEngine's "
                             "'scalars.json', or remove the line")
    return rows
