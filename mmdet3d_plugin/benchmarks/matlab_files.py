"""MATLAB files up to version 7.2, read after a check of what they unpack to."""
import struct
import zlib
from typing import Any, Dict, Iterator, Sequence, Tuple

import numpy as np

from ..errors import InputError
from ..utils.files import PathLike, megabytes, read_bytes, shortened
from ..utils.memory import memory_limit

MAX_BYTES = 1 << 25  # of a file, and of what it unpacks to; Cars-196 has 10 MB
MAX_MATRICES = 1 << 19  # Cars-196 has 110,000
MAX_DEPTH = 20  # matrices inside of each other
MEMORY = 1 << 28  # bytes that reading may take
HEADER = 128  # bytes
MATRIX, PACKED = 14, 15  # types of data elements
# Classes of arrays: those that hold matrices (cell, structure, object), and those with a place for
# each item, all but sparse and opaque ones.
NESTED, DENSE = (1, 2, 3), {*range(1, 16)} - {5}


def read_matlab(path: PathLike, names: Sequence[str], missing: str, squeeze: bool = False
                ) -> Dict[str, Any]:
    """Read arrays of a MATLAB file with ``scipy.io.loadmat``.

    Args:
        path: the file.
        names: names of the arrays.
        missing: message for a file that does not exist: what is missing, and the fix.
        squeeze: leave out dimensions of length 1.

    Returns:
        The arrays that the file has, by name.

    Raises:
        InputError: the file is missing, is not readable, or unpacks to too much.

    Example:
        >>> import tempfile
        >>> from scipy.io import savemat
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     savemat(f'{folder}/a.mat', dict(x=[1, 2], y=3), do_compression=True)
        ...     read_matlab(f'{folder}/a.mat', ['x'], 'no such file', squeeze=True)['x'].tolist()
        [1, 2]
    """
    content = read_bytes(path, missing, MAX_BYTES)
    from scipy.io import loadmat  # lazy: SciPy takes long to import
    try:
        if content[124:128] in (b'\x00\x01IM', b'\x01\x00MI'):  # else of version 4, never packed
            _check(content)
        with memory_limit(MEMORY):
            found = loadmat(str(path), appendmat=False, squeeze_me=squeeze,
                            variable_names=list(names))
    except Exception as error:  # SciPy raises many types for broken files
        reason = str(error) if isinstance(error, InputError) else shortened(
            str(error) or type(error).__name__)
        raise InputError(f'{path}: not a readable MATLAB file ({reason}); restore it') from error
    return {name: found[name] for name in names if name in found}


def _check(content: bytes) -> None:
    """Check the sizes that the elements of a file declare, without building arrays.

    See "MAT-File Format", MathWorks, chapter 1.
    """
    order = '<' if content[126:128] == b'IM' else '>'
    left, matrices = MAX_BYTES, 0
    for kind, data in _elements(memoryview(content)[HEADER:], order, padded=False):
        if kind == PACKED:
            unpacker = zlib.decompressobj()
            unpacked = unpacker.decompress(data, left)
            left -= len(unpacked)
            if left <= 0:
                raise InputError(f'it unpacks to more than {megabytes(MAX_BYTES)}')
            inner = _elements(memoryview(unpacked), order)
        else:
            inner = iter([(kind, data)])
        for inner_kind, matrix in inner:
            if inner_kind == MATRIX:
                matrices = _check_matrix(matrix, order, matrices, 0)


def _check_matrix(matrix: memoryview, order: str, count: int, depth: int) -> int:
    """Check a matrix and the matrices in it.

    Args:
        matrix: content of the element.
        order: byte order.
        count: number of matrices before.
        depth: number of matrices around it.

    Returns:
        Number of matrices, with those in it.
    """
    if count >= MAX_MATRICES or depth > MAX_DEPTH:
        raise InputError(f'it has more than {MAX_MATRICES} matrices, or more than {MAX_DEPTH} '
                         'inside of each other')
    count += 1
    parts = _elements(matrix, order)
    _, flags = next(parts, (0, memoryview(b'')))
    _, sizes = next(parts, (0, memoryview(b'')))
    if len(flags) < 4:
        return count  # an empty matrix
    kind = struct.unpack_from(f'{order}I', flags)[0] & 255
    # Products of sizes may be larger than any integer of NumPy.
    lengths = np.frombuffer(sizes[:len(sizes) // 4 * 4], f'{order}i4')
    num_items = lengths.prod(dtype=float)
    if kind in DENSE and ((lengths < 0).any() or num_items > len(matrix)):
        raise InputError(f'it declares a matrix of {num_items:g} items in '
                         f'{megabytes(len(matrix))}')
    if kind in NESTED:
        for inner_kind, inner in parts:
            if inner_kind == MATRIX:
                count = _check_matrix(inner, order, count, depth + 1)
    return count


def _elements(data: memoryview, order: str, padded: bool = True
              ) -> Iterator[Tuple[int, memoryview]]:
    """Yield type and content of the data elements in a range of bytes."""
    place = 0
    while place + 8 <= len(data):
        kind, length = struct.unpack_from(f'{order}II', data, place)
        if kind >> 16:  # a small element: type, length and content in 8 bytes
            yield kind & 0xffff, data[place + 4:place + 4 + min(kind >> 16, 4)]
            place += 8
            continue
        yield kind, data[place + 8:place + 8 + length]
        place += 8 + length + (-length % 8 if padded else 0)
