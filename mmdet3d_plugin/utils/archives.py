"""Zip archives of bounded size: checks before unpacking, and the reader of NumPy's .npz files."""
import os
import struct
import zipfile
from typing import Dict, List

import numpy as np

from ..errors import InputError
from .files import PathLike, has_file, megabytes
from .memory import memory_limit

SIGNATURE = b'PK\x03\x04'  # start of an archive
# Records at the end of an archive, see sections 4.3.14 to 4.3.16 of PKWARE's APPNOTE.TXT.
END, END_64, LOCATOR_64 = b'PK\x05\x06', b'PK\x06\x06', b'PK\x06\x07'
END_FORM, END_64_FORM, LOCATOR_FORM = '<4s4H2LH', '<4sQ2H2L4Q', '<4sLQL'
MAX_DIRECTORY = 1 << 23  # bytes of the table of contents; about 100,000 entries
SMALL = 1 << 26  # bytes that any archive may unpack to
MAX_RATIO = 10  # unpacked bytes per packed byte of larger archives
SLACK = 1 << 28  # bytes that a reader may take besides the content


def archive_entries(path: PathLike, is_stored: bool = False) -> List[zipfile.ZipInfo]:
    """Return the entries of a zip archive after a check of their sizes.

    Nothing is unpacked. Readers of zip archives find the table of contents in several ways, so
    archives where these ways could differ are refused.

    Args:
        path: the file, which exists.
        is_stored: refuse compressed entries. Entries then take no more than the file, also if
            they share bytes.

    Raises:
        InputError: the file is no archive, is damaged, or unpacks to much more than its size.
            The message starts with ``path``.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with zipfile.ZipFile(f'{folder}/a.zip', 'w', zipfile.ZIP_DEFLATED) as archive:
        ...         archive.writestr('zeros', bytes(1 << 27))
        ...     archive_entries(f'{folder}/a.zip')  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        mmdet3d_plugin.errors.InputError: ...a.zip: unpacks to 128 MB, expected at most 64 MB; ...
    """
    size = os.path.getsize(path)
    _check_directory(path, size)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except Exception as error:  # zipfile raises many types for broken files
        raise InputError(f'{path}: not a readable archive ({error}); restore the file') from None
    packed = next((entry.filename for entry in entries
                   if is_stored and entry.compress_type != zipfile.ZIP_STORED), None)
    if packed is not None:
        raise InputError(f'{path}: its entry {packed} is compressed; restore the file')
    unpacked = sum(entry.file_size for entry in entries)
    limit = size if is_stored else max(SMALL, MAX_RATIO * size)
    if unpacked > limit:
        raise InputError(f'{path}: unpacks to {megabytes(unpacked)}, expected at most '
                         f'{megabytes(limit)}; restore the file')
    return entries


def _check_directory(path: PathLike, size: int) -> None:
    """Check place and size of the table of contents."""
    length, length_64, locator = map(struct.calcsize, (END_FORM, END_64_FORM, LOCATOR_FORM))
    with open(path, 'rb') as file:
        file.seek(max(0, size - length - length_64 - locator))
        tail = file.read()
    directory, end = -1, size - length
    if tail[-length:][:4] == END:
        *_, directory, offset, comment = struct.unpack(END_FORM, tail[-length:])
        tail = tail[:-length]
        if tail[-locator:][:4] == LOCATOR_64:
            end -= locator + length_64
            _, _, place, _ = struct.unpack(LOCATOR_FORM, tail[-locator:])
            tail = tail[:-locator]
            if tail[:4] == END_64 and len(tail) == length_64 and place == end:
                *_, directory, offset = struct.unpack(END_64_FORM, tail)
    if directory < 0 or comment or offset + directory != end:
        raise InputError(f'{path}: not a readable archive, its end is missing or damaged; restore '
                         'the file')
    if directory > MAX_DIRECTORY:
        raise InputError(f'{path}: has a table of contents of {megabytes(directory)}, expected at '
                         f'most {megabytes(MAX_DIRECTORY)}; restore the file')


def read_arrays(path: PathLike, missing: str = 'no such file', fix: str = 'restore it'
                ) -> Dict[str, np.ndarray]:
    """Read the arrays of a ``.npz`` file. Nothing in the file is executed.

    Args:
        path: the file.
        missing: message for a file that does not exist: what is missing, and the fix.
        fix: the fix for a file that is not readable.

    Raises:
        InputError: the file is missing or not readable, or unpacks to much more than its size.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f'{folder}/a.npz', x=np.arange(3))
        ...     read_arrays(f'{folder}/a.npz')
        {'x': array([0, 1, 2])}
    """
    if not has_file(path):
        raise InputError(f'{path}: {missing}')
    if not zipfile.is_zipfile(path):  # NumPy takes such a file for a pickle
        raise InputError(f'{path}: not a readable .npz file (no zip archive); {fix}')
    try:
        unpacked = sum(entry.file_size for entry in archive_entries(path))
        with memory_limit(2 * unpacked + SLACK), np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except InputError:
        raise
    except Exception as error:  # numpy and zipfile raise many types for broken files
        reason = ' '.join(str(error).split())[:100] or type(error).__name__
        raise InputError(f'{path}: not a readable .npz file ({reason}); {fix}') from error
    for key, value in arrays.items():
        # An array of empty items may have any length. Other entries than arrays are bytes.
        if not isinstance(value, np.ndarray) or not value.dtype.itemsize:
            raise InputError(f'{path}: its entry {key} is no array of values; {fix}')
    return arrays
