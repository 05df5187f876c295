"""MATLAB files that unpack or grow to much more than their size."""
import struct
import zlib

import numpy as np
import pytest
from scipy.io import savemat

from mmdet3d_plugin.benchmarks import matlab_files
from mmdet3d_plugin.benchmarks.matlab_files import read_matlab
from mmdet3d_plugin.errors import InputError

MISSING = 'no such file'
CELL, STRUCTURE, DOUBLE = 1, 2, 6
HEADER = b'MATLAB 5.0'.ljust(124) + b'\x00\x01IM'


def element(kind, content):
    return struct.pack('<II', kind, len(content)) + content + bytes(-len(content) % 8)


def matrix(kind, sizes, rest=b'', name=b'x'):
    return element(14, element(6, struct.pack('<II', kind, 0))
                   + element(5, struct.pack(f'<{len(sizes)}i', *sizes)) + element(1, name) + rest)


@pytest.mark.parametrize('compressed', [False, True])
def test_arrays_structures_and_texts(tmp_path, compressed):
    rows = np.array([('a/1.jpg', 2), ('b/long name.jpg', 1)], [('path', object), ('id', object)])
    savemat(tmp_path / 'a.mat', dict(rows=rows, numbers=np.arange(6.).reshape(2, 3), other=1),
            do_compression=compressed)
    found = read_matlab(tmp_path / 'a.mat', ['rows', 'numbers', 'absent'], MISSING, squeeze=True)
    assert set(found) == {'rows', 'numbers'}
    assert found['rows']['path'].tolist() == ['a/1.jpg', 'b/long name.jpg']
    assert found['rows']['id'].tolist() == [2, 1]
    assert found['numbers'].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_unpacked_bytes_are_counted(tmp_path, monkeypatch):
    savemat(tmp_path / 'a.mat', dict(x=np.zeros(1000)), do_compression=True)  # 8056 bytes
    monkeypatch.setattr(matlab_files, 'MAX_BYTES', 8100)
    assert read_matlab(tmp_path / 'a.mat', ['x'], MISSING)['x'].shape == (1, 1000)
    monkeypatch.setattr(matlab_files, 'MAX_BYTES', 8000)
    with pytest.raises(InputError, match='a.mat: not .*it unpacks to more than 8000 bytes'):
        read_matlab(tmp_path / 'a.mat', ['y'], MISSING)


NO_FIELDS = struct.pack('<HHI', 5, 4, 32) + element(1, b'')
NESTED = matrix(DOUBLE, (0, 0), element(9, b''))
for _ in range(30):
    NESTED = matrix(CELL, (1, 1), NESTED)
PACKED = zlib.compress(matrix(CELL, (600_000, 1), element(14, b'') * 600_000))


@pytest.mark.parametrize('content, message', [
    (matrix(STRUCTURE, (1 << 20, 1 << 10), NO_FIELDS), r'declares a matrix of 1.07374e\+09 items'),
    (matrix(CELL, (1 << 20, 1 << 10)), r'declares a matrix of 1.07374e\+09 items'),
    (matrix(DOUBLE, (-5, -5), element(9, b'')), 'declares a matrix of 25 items'),
    (matrix(CELL, (1, 1), matrix(CELL, (9999, 1))), 'declares a matrix of 9999 items'),
    (NESTED, 'more than 20 inside of each other'),
    (struct.pack('<II', 15, len(PACKED)) + PACKED, 'it has more than 524288 matrices')])
def test_matrices_are_counted(tmp_path, content, message):
    (tmp_path / 'a.mat').write_bytes(HEADER + content)
    with pytest.raises(InputError, match=f'a.mat: not a readable MATLAB file .*{message}'):
        read_matlab(tmp_path / 'a.mat', ['x'], MISSING)


def test_other_files_are_refused(tmp_path):
    for content in (b'', b'text\n' * 100, bytes(200), HEADER + b'\x0e\0\0\0\xff\xff\xff\x7f'):
        (tmp_path / 'a.mat').write_bytes(content)
        with pytest.raises(InputError, match='a.mat: not a readable MATLAB file'):
            read_matlab(tmp_path / 'a.mat', ['x'], MISSING)
    with pytest.raises(InputError, match='b.mat: no such file'):
        read_matlab(tmp_path / 'b.mat', ['x'], MISSING)
