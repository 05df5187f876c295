import pytest
from synthetic.folder_reader import Folder

from mmdet3d_plugin.synthetic import SyntheticSet, write_synthetic_set


@pytest.fixture(scope='session')
def stills(tmp_path_factory):
    """Unrelated frames of full size, where one pixel is small."""
    root = tmp_path_factory.mktemp('synthetic') / 'stills'
    write_synthetic_set(root, SyntheticSet(num_train=8, num_val=2, seed=3))
    return Folder(root)


@pytest.fixture(scope='session')
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp('synthetic') / 'clips'
    write_synthetic_set(root, SyntheticSet(num_train=9, num_val=3, seed=5, width=640,
                                           height=192, sequence_length=3))
    return Folder(root)
