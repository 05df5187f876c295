"""Slow disk of the trainings of the chaos test."""
import os
import time
from pathlib import Path

SLICES = 10  # of a file
SECONDS = float(os.environ.get('CHAOS_DISK_SECONDS', '0'))  # to write a file


def _write_slowly(path, data):
    size = len(data) // SLICES + 1
    with path.open('wb') as file:
        for start in range(0, len(data), size):
            file.write(data[start:start + size])
            file.flush()
            time.sleep(SECONDS / SLICES)


if SECONDS:
    Path.write_bytes = _write_slowly
