"""Archives that unpack to much more than their size, and limits of memory."""
import io
import struct
import zipfile

import numpy as np
import pytest

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.utils import archives
from mmdet3d_plugin.utils.archives import archive_entries, read_arrays
from mmdet3d_plugin.utils.memory import memory_limit


def pack(entries, method=zipfile.ZIP_STORED):
    """Return the bytes of an archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def declared(content, size):
    """Declare another unpacked size of all entries in the table of contents."""
    changed, start = bytearray(content), 0
    while (start := content.find(b'PK\x01\x02', start) + 1) > 0:
        changed[start + 23:start + 27] = struct.pack('<I', size)
    return bytes(changed)


def shared(content, count):
    """Repeat the only row of the table of contents, so that all entries share their bytes."""
    start, end = content.index(b'PK\x01\x02'), content.index(b'PK\x05\x06')
    rows = content[start:end] * count
    return content[:start] + rows + content[end:end + 8] + struct.pack(
        '<HHLLH', count, count, len(rows), start, 0)


def test_entries_of_a_stored_archive_take_no_more_than_the_file(tmp_path):
    path = tmp_path / 'a.pth'
    whole = pack({'a': bytes(5000), 'b': b''})
    path.write_bytes(whole)
    assert [(entry.filename, entry.file_size) for entry in archive_entries(path, True)] == [
        ('a', 5000), ('b', 0)]
    for content, message in [
            (pack({'a': bytes(5000)}, zipfile.ZIP_DEFLATED), 'its entry a is compressed'),
            (declared(whole, 1 << 31), 'unpacks to 4096 MB, expected at most [0-9]+ bytes'),
            (shared(pack({'a': bytes(5000)}), 20), 'unpacks to 97 kB, expected at most'),
            (whole + b'x', 'its end is missing or damaged'),
            (b'x' * 100 + whole, 'its end is missing or damaged'),
            (whole + pack({}), 'its end is missing or damaged'),
            (whole[:-2] + b'\x01\x00x', 'its end is missing or damaged'),
            (whole[:50], 'its end is missing or damaged'), (b'', 'its end is missing')]:
        path.write_bytes(content)
        with pytest.raises(InputError, match=f'a.pth: .*{message}'):
            archive_entries(path, is_stored=True)


def test_the_table_of_contents_is_bounded(tmp_path, monkeypatch):
    path = tmp_path / 'a.zip'
    path.write_bytes(pack({str(number): b'' for number in range(100)}))
    assert len(archive_entries(path)) == 100
    monkeypatch.setattr(archives, 'MAX_DIRECTORY', 4000)
    with pytest.raises(InputError, match='a.zip: has a table of contents of 4790 bytes'):
        archive_entries(path)


def test_compressed_arrays_unpack_to_ten_times_their_size(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, 'SMALL', 1000)
    path, values = tmp_path / 'a.npz', np.random.default_rng(0).random(1000)
    np.savez_compressed(path, values=values, zeros=np.zeros(7000))
    assert read_arrays(path)['values'].tolist() == values.tolist()
    np.savez_compressed(path, values=values, zeros=np.zeros(10000))
    with pytest.raises(InputError, match='unpacks to 86 kB, expected at most 7[89] kB'):
        read_arrays(path)


@pytest.mark.parametrize('content, message', [
    (npy(np.array(['', ''])).replace(b'<U1', b'<U0'), 'its entry a is no array of values'),
    (pack({'b': b''}), 'its entry a is no array of values'),
    (npy(np.zeros(3)).replace(b'(3,)', b'(9876543210,)').replace(b' ' * 9, b'', 1),
     r'not a readable .npz file \(.+\)'),
    (b'\x93NUMPY', r'not a readable .npz file \(.+\)')],
    ids=['empty text', 'an archive', 'too many values', 'a cut header'])
def test_odd_arrays_are_refused(tmp_path, content, message):
    if b'(9876543210,)' in content:  # more numbers than bytes
        assert len(content) == len(npy(np.zeros(3)))
    path = tmp_path / 'a.npz'
    path.write_bytes(pack({'a.npy': content}))
    with pytest.raises(InputError, match=f'a.npz: {message}'):
        read_arrays(path)


def test_memory_is_limited_inside_the_block_only():
    with pytest.raises(MemoryError), memory_limit(1 << 23):
        np.empty(1 << 32, np.uint8)  # more than the process may have free
    with memory_limit(1 << 28):
        assert len(np.empty(1 << 26, np.uint8)) == 1 << 26
    assert len(np.empty(1 << 26, np.uint8)) == 1 << 26
