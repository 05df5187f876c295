"""Rendered sets that the tests share. Tests must not change their files."""
import pytest
from synthetic.folder_reader import Folder
from synthetic.small_sets import SMALL, SMALL_CLIPS

from mmdet3d_plugin.synthetic import SyntheticSet, write_synthetic_set


def written(tmp_path_factory, name, content):
    root = tmp_path_factory.mktemp('synthetic') / name
    write_synthetic_set(root, content)
    return root


@pytest.fixture(scope='session')
def stills(tmp_path_factory):
    """Single frames of full size."""
    return Folder(written(tmp_path_factory, 'stills',
                          SyntheticSet(num_train=8, num_val=2, seed=3)))


@pytest.fixture(scope='session')
def clips(tmp_path_factory):
    """Four clips of three frames."""
    return Folder(written(tmp_path_factory, 'clips', SyntheticSet(
        num_train=9, num_val=3, seed=5, width=640, height=192, sequence_length=3)))


@pytest.fixture(scope='session')
def small(tmp_path_factory):
    """Folder of the set ``SMALL``."""
    return written(tmp_path_factory, 'small', SMALL)


@pytest.fixture(scope='session')
def small_clips(tmp_path_factory):
    """Folder of the set ``SMALL_CLIPS``."""
    return written(tmp_path_factory, 'small_clips', SMALL_CLIPS)
