"""Reading, writing and encoding of depth maps, and reading of depth splits."""
import cv2
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.depth.map_files import (
    encode_depth_map,
    read_depth_map,
    write_depth_map,
)
from mmdet3d_plugin.benchmarks.depth.splits import DepthPair, read_depth_split
from mmdet3d_plugin.errors import InputError


@pytest.mark.parametrize('scale', [256., 1000.])
def test_round_trip_is_exact_to_half_a_unit(tmp_path, scale):
    depth = np.random.default_rng(0).uniform(.1, 60., (5, 7))
    depth[2, 3] = 0
    write_depth_map(tmp_path / 'sub/depth.png', depth, scale)
    found = read_depth_map(tmp_path / 'sub/depth.png', scale)
    assert found.dtype == np.float32 and found[2, 3] == 0
    np.testing.assert_allclose(found, depth, atol=.5 / scale + 1e-5)
    assert [path.name for path in (tmp_path / 'sub').iterdir()] == ['depth.png']


def test_known_depths_stay_known(tmp_path):
    write_depth_map(tmp_path / 'depth.png', np.array([[0., 1e-6, 300.]]))
    assert read_depth_map(tmp_path / 'depth.png').tolist() == [[0., 1 / 256, 65535 / 256]]


def test_encoding_clips_to_the_smallest_and_largest_value():
    depth = np.array([[0., .001, .5 / 256, 1., 2.002, 65535 / 256, 256., 1e6]])
    content = encode_depth_map(depth)
    stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert stored.dtype == np.uint16
    assert stored.tolist() == [[0, 1, 1, 256, 513, 65535, 65535, 65535]]
    scaled = cv2.imdecode(np.frombuffer(encode_depth_map(depth, 1000), np.uint8),
                          cv2.IMREAD_UNCHANGED)
    assert scaled.tolist() == [[0, 1, 2, 1000, 2002, 65535, 65535, 65535]]


def test_a_written_file_is_the_encoded_map(tmp_path):
    depth = np.array([[0., 2.5, 7.]])
    write_depth_map(tmp_path / 'depth.png', depth, 100.)
    assert (tmp_path / 'depth.png').read_bytes() == encode_depth_map(depth, 100.)


@pytest.mark.parametrize('depth', [np.array([[np.nan]]), np.array([[np.inf]]), np.array([[-1.]]),
                                   np.ones((1, 2, 3))])
def test_invalid_depth_is_not_written(tmp_path, depth):
    with pytest.raises(InputError, match='depth.png: cannot store a depth map'):
        write_depth_map(tmp_path / 'depth.png', depth)
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match='^cannot store a depth map'):
        encode_depth_map(depth)


@pytest.mark.parametrize('spoil, message', [
    (lambda path: path.unlink(), 'no such 16-bit depth image; restore'),
    (lambda path: path.write_bytes(b''), 'not a readable 16-bit depth image; restore'),
    (lambda path: path.write_bytes(path.read_bytes()[:-30]), 'it is cut off'),
    (lambda path: cv2.imwrite(str(path), np.ones((4, 5), np.uint8)),
     'it is of 8 bits; store depth as 16-bit PNG of one channel'),
    (lambda path: path.write_bytes(cv2.imencode('.jpg', np.ones((4, 5), np.uint8))[1].tobytes()),
     'it is no PNG; store'),
    (lambda path: cv2.imwrite(str(path), np.ones((4, 5, 3), np.uint16)),
     'it is of 16 bits in colour; store')])
def test_error_names_the_broken_file(tmp_path, spoil, message):
    path = tmp_path / 'depth.png'
    write_depth_map(path, np.random.default_rng(0).uniform(1, 50, (20, 30)))
    spoil(path)
    with pytest.raises(InputError) as error:
        read_depth_map(path)
    assert str(error.value).startswith(f'{path}: ') and message in str(error.value)
    assert '\n' not in str(error.value)


def test_read_split_lines(tmp_path):
    path = tmp_path / 'split.txt'
    path.write_text('/room/rgb_1.jpg /room/sync_depth_1.png 518.8579\n\na/b.png None 721.5\n'
                    'c.png d.png\n')
    pairs = read_depth_split(path)
    assert pairs == [DepthPair('room/rgb_1.jpg', 'room/sync_depth_1.png'),
                     DepthPair('a/b.png', None), DepthPair('c.png', 'd.png')]
    assert pairs[0].frame == 'room/rgb_1'


@pytest.mark.parametrize('text, message', [
    ('', 'split.txt: names no frame'), ('a.png b.png\na.png\n', 'split.txt:2: 1 field, expected'),
    ('a.png ../b.png', r"split.txt:1: '../b.png' is no name of a file inside"),
    ('//etc/a.png b.png', 'split.txt:1: .* is no name'), (None, 'split.txt: no such split file')])
def test_error_names_the_broken_split(tmp_path, text, message):
    if text is not None:
        (tmp_path / 'split.txt').write_text(text)
    with pytest.raises(InputError, match=message):
        read_depth_split(tmp_path / 'split.txt')
