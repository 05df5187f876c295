"""Facts about a training that its work dir holds."""
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

import numpy as np

from ..errors import visible
from ..utils.files import has_file, read_bytes
from ..visualization.report_plots import Rows, series_of
from .training_log import MAX_BYTES, log_files

HEAD = 1 << 16  # bytes at the start of a log that hold MMEngine's description of the machine
MAX_FACT = 200  # characters


def run_facts(work_dir: Path, scalars: Rows) -> Dict[str, str]:
    """Return facts about a training by name. Facts that the work dir does not hold are left out.

    The config is the one that MMEngine saves in the work dir. It is named and not read. Device
    and seed are those of the last session.

    Args:
        work_dir: folder of the run.
        scalars: rows of the training log.

    Raises:
        InputError: the text log is too large, is no regular file or cannot be read.
    """
    facts = {'Config': ', '.join(sorted(path.name for path in work_dir.glob('*.py'))),
             **training_facts(scalars), **machine_facts(_head_of_log(work_dir))}
    return {name: visible(text, MAX_FACT) for name, text in facts.items() if text}


def training_facts(scalars: Sequence[Mapping[str, Any]]) -> Dict[str, str]:
    """Return the length of a training by name, empty where the log does not hold it.

    Args:
        scalars: rows of the training log. Rows of validations have no ``iter``.

    Example:
        >>> training_facts([dict(step=step, iter=step, epoch=step // 600, time=.5)
        ...                 for step in (600, 1200)])
        {'Epochs': '2', 'Iterations': '1200', 'Training': '0 h 10 min, without validations'}
    """
    rows = [row for row in scalars if 'iter' in row]
    steps, times = series_of(rows, 'time')  # seconds per iteration, mean of the last ones
    minutes = round(float(np.sum(times * np.diff(steps, prepend=0))) / 60)
    counts = {title: max((row[key] for row in rows if key in row), default=0)
              for title, key in (('Epochs', 'epoch'), ('Iterations', 'step'))}
    return {**{title: f'{count:.0f}' if count else '' for title, count in counts.items()},
            'Training': f'{minutes // 60} h {minutes % 60:02d} min, without validations'
            if len(steps) else ''}


def machine_facts(log: str) -> Dict[str, str]:
    r"""Return the device and the seed of a training by name, empty where the log lacks them.

    Args:
        log: start of a text log of MMEngine.

    Example:
        >>> machine_facts(' CUDA available: True\n GPU 0,1: NVIDIA A100\n seed: 3\n')
        {'Device': 'GPU 0,1: NVIDIA A100', 'Seed': '3'}
    """
    devices: List[str] = re.findall(r'^ *(GPU [\d,]+: .+)$', log, flags=re.MULTILINE)
    if not devices and re.search(r'^ *CUDA available: False$', log, flags=re.MULTILINE):
        devices = ['CPU']
    seed = re.search(r'^ *seed: (\d+)$', log, flags=re.MULTILINE)
    return {'Device': ', '.join(devices), 'Seed': seed.group(1) if seed else ''}


def _head_of_log(work_dir: Path) -> str:
    """Return the start of the text log of the last session, empty if there is none."""
    for scalars in log_files(work_dir)[-1:]:
        session = scalars.parent.parent
        path = session / f'{session.name}.log'
        if has_file(path):
            content = read_bytes(path, 'no such file', MAX_BYTES, 'remove the log')
            return content[:HEAD].decode('utf-8', errors='replace')
    return ''
