"""Depth maps survive a file, and what is no depth map is told of by name."""
import cv2
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.depth.map_files import read_depth_map, write_depth_map
from mmdet3d_plugin.benchmarks.depth.splits import DepthPair, read_depth_split
from mmdet3d_plugin.benchmarks.nyu.labelled_file import (is_labelled, labelled_name, read_labelled,
                                                         read_labelled_list, write_labelled_lists)
from mmdet3d_plugin.errors import InputError


@pytest.mark.parametrize('scale', [256., 1000.])
def test_depths_are_kept_to_half_a_unit(tmp_path, scale):
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


@pytest.mark.parametrize('depth', [np.array([[np.nan]]), np.array([[np.inf]]), np.array([[-1.]]),
                                   np.ones((1, 2, 3))])
def test_what_is_no_depth_is_not_written(tmp_path, depth):
    with pytest.raises(InputError, match='depth.png: cannot store a depth map'):
        write_depth_map(tmp_path / 'depth.png', depth)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('spoil, message', [
    (lambda path: path.unlink(), 'not a readable 16-bit depth image; restore'),
    (lambda path: path.write_bytes(b''), 'not a readable 16-bit depth image; restore'),
    (lambda path: path.write_bytes(path.read_bytes()[:-30]), 'it is cut off'),
    (lambda path: cv2.imwrite(str(path), np.ones((4, 5), np.uint8)),
     'it is of 8 bits; store depth as 16-bit PNG of one channel'),
    (lambda path: path.write_bytes(cv2.imencode('.jpg', np.ones((4, 5), np.uint8))[1].tobytes()),
     'it is no PNG; store'),
    (lambda path: cv2.imwrite(str(path), np.ones((4, 5, 3), np.uint16)),
     'it is of 16 bits in colour; store')])
def test_broken_files_are_named(tmp_path, spoil, message):
    path = tmp_path / 'depth.png'
    write_depth_map(path, np.random.default_rng(0).uniform(1, 50, (20, 30)))
    spoil(path)
    with pytest.raises(InputError) as error:
        read_depth_map(path)
    assert str(error.value).startswith(f'{path}: ') and message in str(error.value)
    assert '\n' not in str(error.value)


def test_split_lines(tmp_path):
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
def test_broken_splits_are_named(tmp_path, text, message):
    if text is not None:
        (tmp_path / 'split.txt').write_text(text)
    with pytest.raises(InputError, match=message):
        read_depth_split(tmp_path / 'split.txt')


@pytest.fixture
def labelled(tmp_path):
    """Two frames in MATLAB's order: (path, images (2, 480, 640, 3), depths (2, 480, 640))."""
    h5py = pytest.importorskip('h5py')
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 480, 640, 3), dtype=np.uint8)
    depths = rng.uniform(.5, 9, (2, 480, 640)).astype(np.float32)
    path = tmp_path / 'nyu_depth_v2_labeled.mat'
    with h5py.File(path, 'w') as file:
        file['images'] = images.transpose(0, 3, 2, 1)
        file['depths'] = depths.transpose(0, 2, 1)
        raw = depths.copy()
        raw[:, :10] = 0
        raw[0, 20, 20] = np.nan
        file['rawDepths'] = raw.transpose(0, 2, 1)
    return path, images, depths


def test_labelled_frames_are_turned_upright(labelled):
    path, images, depths = labelled
    assert labelled_name(path, 'images', 2) == f'{path}/images/0002'
    np.testing.assert_array_equal(read_labelled(labelled_name(path, 'images', 2)), images[1])
    np.testing.assert_array_equal(read_depth_map(labelled_name(path, 'depths', 2)), depths[1])
    raw = read_depth_map(labelled_name(path, 'rawDepths', 1))
    assert not raw[:10].any() and raw[20, 20] == 0
    np.testing.assert_array_equal(raw[30:], depths[0, 30:])


def test_names_of_labelled_frames():
    assert is_labelled('a.mat/images/0001')
    assert not any(map(is_labelled, ['a.mat', 'a.mat/b.png', 'a.mat/b/c/d.png', 'x', 'b/c.mat']))


def test_broken_labelled_files_are_named(labelled, tmp_path):
    import h5py
    path, list_file = labelled[0], tmp_path / 'list.txt'
    list_file.write_text('1\n')
    for number in (0, 3):
        with pytest.raises(InputError, match=f'mat: has frames 1 to 2, no frame {number}; mend'):
            read_labelled(labelled_name(path, 'images', number))
    with pytest.raises(InputError, match="mat: its 'masks' is missing, expected N x 640 x 480"):
        read_labelled(labelled_name(path, 'masks', 1))
    with pytest.raises(InputError, match='absent.mat: no such file'):
        read_labelled_list(list_file, tmp_path / 'absent.mat', 'depths')
    (tmp_path / 'text.mat').write_text('no HDF5')
    with pytest.raises(InputError, match='text.mat: not a readable MATLAB 7.3 file'):
        read_labelled_list(list_file, tmp_path / 'text.mat', 'depths')
    with h5py.File(tmp_path / 'odd.mat', 'w') as file:
        file['images'] = np.zeros((1, 480, 640, 3), np.uint8)
    with pytest.raises(InputError, match=r"its 'images' is \(1, 480, 640, 3\), expected N x 3"):
        read_labelled(labelled_name(tmp_path / 'odd.mat', 'images', 1))
    with h5py.File(tmp_path / 'few.mat', 'w') as file:
        file['images'] = np.zeros((2, 3, 640, 480), np.uint8)
        file['depths'] = np.zeros((1, 640, 480), np.float32)
    with pytest.raises(InputError, match="few.mat: its entries differ in number"):
        read_labelled_list(list_file, tmp_path / 'few.mat', 'depths')


def test_lists_of_labelled_frames_come_from_splits_mat(labelled, tmp_path):
    from scipy.io import savemat
    savemat(tmp_path / 'splits.mat', dict(trainNdxs=np.array([[2.]]), testNdxs=np.array([[1.]])))
    train, test = write_labelled_lists(tmp_path / 'splits.mat', tmp_path / 'splits')
    assert (train.name, test.name) == ('labelled_train.txt', 'labelled_test.txt')
    assert read_labelled_list(train, labelled[0], 'depths') == ['2']
    assert read_labelled_list(test, labelled[0], 'rawDepths') == ['1']
    test.write_text('3\n')
    with pytest.raises(InputError, match="labelled_test.txt: '3' is no frame of .*mat; put"):
        read_labelled_list(test, labelled[0], 'depths')
    with pytest.raises(InputError, match='absent.mat: no such file'):
        write_labelled_lists(tmp_path / 'absent.mat', tmp_path)
    with pytest.raises(InputError, match="labeled.mat: not NYU's splits.mat"):
        write_labelled_lists(labelled[0], tmp_path)
