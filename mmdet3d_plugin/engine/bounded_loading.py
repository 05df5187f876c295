"""``torch.load`` that executes no code and takes little more memory than the file has bytes."""
import io
import os
from pathlib import Path
from typing import Any, Optional

import torch

from ..errors import InputError
from ..utils.archives import SIGNATURE, SLACK, archive_entries
from ..utils.files import has_file, megabytes
from ..utils.memory import memory_limit

MAX_PICKLE = 1 << 21  # bytes that describe the content; a tensor takes about 130
MAX_STEPS = 1 << 20  # of reading the older format; a tensor takes about 60


class _CountedFile(io.BufferedReader):
    """File whose reads are counted: torch's older format mixes the pickle with the weights."""

    reads = 0

    def read(self, size: Optional[int] = -1) -> bytes:
        """Read bytes, as the base class."""
        self.reads += 1
        if self.reads > MAX_STEPS:
            raise InputError(f'{self.name}: describes its content in more than {MAX_STEPS} '
                             'steps; restore the file')
        return super().read(size)


def load_bounded(path: Path, map_location: Any = 'cpu', mmap: bool = False) -> Any:
    """Load the tensors and plain values of a file that ``torch.save`` wrote.

    Args:
        path: the file.
        map_location: argument of ``torch.load``.
        mmap: leave tensors on the disk.

    Raises:
        InputError: there is no such file, it is compressed, describes its content in too many
            bytes, or is a damaged archive.
        Exception: torch, pickle and zipfile raise many types for other content.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     torch.save(dict(a=1), f'{folder}/a.pth')
        ...     load_bounded(Path(folder, 'a.pth'))
        {'a': 1}
    """
    if not has_file(path):
        raise InputError(f'{path}: no such checkpoint')
    limit = 2 * os.path.getsize(path) + SLACK
    with _CountedFile(io.FileIO(path)) as file:
        if file.peek(len(SIGNATURE))[:len(SIGNATURE)] == SIGNATURE:
            _check_archive(path)
            source: Any = path  # torch maps files by name only
        else:
            source = file
        # On other devices, such as GPUs, more is allocated than the content.
        if map_location not in ('cpu', None):
            return torch.load(source, map_location=map_location, weights_only=True, mmap=mmap)
        with memory_limit(limit):
            return torch.load(source, map_location='cpu', weights_only=True, mmap=mmap)


def _check_archive(path: Path) -> None:
    """Check that the entries of an archive are not compressed, and that its pickle is short."""
    for entry in archive_entries(path, is_stored=True):
        if entry.filename.lower().endswith('.pkl') and entry.file_size > MAX_PICKLE:
            raise InputError(f'{path}: describes its content in {megabytes(entry.file_size)}, '
                             f'expected at most {megabytes(MAX_PICKLE)}; restore the file')
