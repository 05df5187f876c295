"""Reading of NYU's labelled .mat file."""
import pickle

import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.nyu.labelled_file import (
    LabelledFrame,
    read_labelled_list,
    write_labelled_lists,
)
from mmdet3d_plugin.errors import InputError


@pytest.fixture
def labelled(tmp_path):
    """File of two frames: (path, images (2, 480, 640, 3), depths (2, 480, 640))."""
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
        raw[0, 20, 21:23] = -1, np.inf
        file['rawDepths'] = raw.transpose(0, 2, 1)
    return path, images, depths


def test_arrays_have_rows_first(labelled):
    path, images, depths = labelled
    np.testing.assert_array_equal(LabelledFrame(path, 2).read_image(), images[1])
    np.testing.assert_array_equal(LabelledFrame(path, 2, 'depths').read_depth_map(), depths[1])
    raw = LabelledFrame(path, 1).read_depth_map()
    assert raw.dtype == np.float32
    assert not raw[:10].any() and not raw[20, 20:23].any()
    np.testing.assert_array_equal(raw[30:], depths[0, 30:])


def test_readers_are_plain_values(labelled):
    """A reader can be copied to another process, and equal readers can share a cache entry."""
    reader = LabelledFrame(labelled[0], 2)
    copied = pickle.loads(pickle.dumps(reader))
    assert copied == reader and hash(copied) == hash(reader) and copied != LabelledFrame(
        labelled[0], 1)
    np.testing.assert_array_equal(copied.read_image(), labelled[1][1])


def test_error_names_the_broken_file(labelled, tmp_path):
    import h5py
    path, list_file = labelled[0], tmp_path / 'list.txt'
    list_file.write_text('1\n')
    for number in (0, 3):
        with pytest.raises(InputError, match=f'frames 1 to 2, no frame {number}; correct the'):
            LabelledFrame(path, number).read_image()
    with pytest.raises(InputError, match="mat: its 'masks' is missing, expected N x 640 x 480"):
        LabelledFrame(path, 1, 'masks').read_depth_map()
    with pytest.raises(InputError, match='absent.mat: no such file'):
        read_labelled_list(list_file, tmp_path / 'absent.mat', 'depths')
    (tmp_path / 'text.mat').write_text('no HDF5')
    with pytest.raises(InputError, match='text.mat: not a readable MATLAB 7.3 file'):
        read_labelled_list(list_file, tmp_path / 'text.mat', 'depths')
    with h5py.File(tmp_path / 'odd.mat', 'w') as file:
        file['images'] = np.zeros((1, 480, 640, 3), np.uint8)
    with pytest.raises(InputError, match=r"its 'images' is \(1, 480, 640, 3\), expected N x 3"):
        LabelledFrame(tmp_path / 'odd.mat', 1).read_image()
    with h5py.File(tmp_path / 'few.mat', 'w') as file:
        file['images'] = np.zeros((2, 3, 640, 480), np.uint8)
        file['depths'] = np.zeros((1, 640, 480), np.float32)
    with pytest.raises(InputError, match="few.mat: its entries differ in number"):
        read_labelled_list(list_file, tmp_path / 'few.mat', 'depths')


def test_lists_are_written_from_splits_mat(labelled, tmp_path):
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
    with pytest.raises(InputError, match="labeled.mat: not a readable MATLAB file"):
        write_labelled_lists(labelled[0], tmp_path)
