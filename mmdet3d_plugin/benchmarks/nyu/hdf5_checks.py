"""Checks of an HDF5 file before the HDF5 library reads numbers from it.

An HDF5 file may name other files that hold its numbers, and may unpack a few bytes to gigabytes.
"""
import math
import zlib
from typing import Any, Iterator, Tuple

from ...errors import InputError
from ...utils.files import megabytes

MAX_UNPACKED = 1 << 27  # bytes of all chunks of one frame; a frame of NYU has 4 MB
MAX_CHUNKS = 1 << 12  # chunks of one frame
CHECKSUM = 4  # bytes that the filter fletcher32 adds to a chunk


def check_place(file: Any, name: str) -> None:
    """Check that an entry's numbers are in the file itself.

    Args:
        file: open ``h5py.File``.
        name: name of an entry.

    Raises:
        InputError: the entry is a link, is virtual, or has its numbers in other files. The
            message has to be preceded by the names of the file and of the entry.

    Example:
        >>> import h5py, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with h5py.File(f'{folder}/a.mat', 'w') as file:
        ...         file['images'] = h5py.ExternalLink('/etc/passwd', 'images')
        ...         check_place(file, 'images')
        Traceback (most recent call last):
        ...
        mmdet3d_plugin.errors.InputError: is a link, expected numbers in the file itself
    """
    import h5py
    link = file.get(name, getlink=True)
    if link is None:
        return
    if not isinstance(link, h5py.HardLink):
        raise InputError('is a link, expected numbers in the file itself')
    entry = file.get(name)
    if isinstance(entry, h5py.Dataset) and (entry.is_virtual or entry.external):
        raise InputError('has its numbers in other files, expected them in the file itself')


def check_chunks(entry: Any, index: int) -> None:
    """Check that reading one item of the first dimension takes bounded time and memory.

    Args:
        entry: ``h5py.Dataset``.
        index: the item.

    Raises:
        InputError: the item is spread over too many chunks or too large ones, a chunk unpacks
            to more than its size, or it is packed in another way than MATLAB's. The message has
            to be preceded by the names of the file and of the entry.
    """
    if entry.chunks is None:
        return
    counts = [math.ceil(size / length) for size, length in zip(entry.shape[1:], entry.chunks[1:])]
    count, size = math.prod(counts), math.prod(entry.chunks) * entry.dtype.itemsize
    if count > MAX_CHUNKS or count * size > MAX_UNPACKED:
        raise InputError(f'has {count} chunks of {megabytes(size)} per frame, expected at most '
                         f'{MAX_CHUNKS} of {megabytes(MAX_UNPACKED)} in all')
    creation = entry.id.get_create_plist()
    filters = [creation.get_filter(number)[0] for number in range(creation.get_nfilters())]
    _check_filters(filters)
    for place in _places(entry, index, counts):
        _check_chunk(entry, place, filters, size)


def _check_filters(filters: list) -> None:
    from h5py import h5z
    known = (h5z.FILTER_SHUFFLE, h5z.FILTER_DEFLATE, h5z.FILTER_FLETCHER32)
    if not set(filters) <= set(known) or len(set(filters)) < len(filters):
        raise InputError('is packed in another way than by gzip')


def _places(entry: Any, index: int, counts: list) -> Iterator[Tuple[int, ...]]:
    """Yield the places of the chunks that hold an item."""
    for number in range(math.prod(counts)):
        place = []
        for count, length in zip(reversed(counts), reversed(entry.chunks[1:])):
            number, part = divmod(number, count)
            place.append(part * length)
        yield (index // entry.chunks[0] * entry.chunks[0], *reversed(place))


def _check_chunk(entry: Any, place: Tuple[int, ...], filters: list, size: int) -> None:
    """Unpack a chunk up to its size. The HDF5 library would unpack all that is there."""
    from h5py import h5z
    info = entry.id.get_chunk_info_by_coord(place)
    if info.byte_offset is None:  # no such chunk: its numbers are zeros
        return
    if info.size > size + CHECKSUM + size // 100 + 1024:  # gzip may need a little more
        raise InputError(f'has a chunk of {megabytes(info.size)}, expected {megabytes(size)}')
    if h5z.FILTER_DEFLATE not in filters:
        return
    skipped, packed = entry.id.read_direct_chunk(place)
    if not skipped >> filters.index(h5z.FILTER_DEFLATE) & 1:
        unpacker = zlib.decompressobj()
        unpacker.decompress(packed, size + CHECKSUM)
        if unpacker.unconsumed_tail and unpacker.decompress(unpacker.unconsumed_tail, 1):
            raise InputError(f'has a chunk that unpacks to more than its {megabytes(size)}')
