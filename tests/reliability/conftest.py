"""Fixtures of the tests of interrupted trainings."""
import runpy
import sys

import pytest
import torch
from tiny_kitti import write_kitti
from tiny_training import EPOCHS, ROOT, training_state, write_config


@pytest.fixture(autouse=True, scope='session')
def one_thread():
    """Use one thread, as trainings in forked processes do, so that all bits are equal."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope='session')
def kitti(tmp_path_factory):
    """KITTI folder that no test changes."""
    return write_kitti(tmp_path_factory.mktemp('data') / 'kitti')


@pytest.fixture(scope='session')
def straight(kitti, tmp_path_factory):
    """Final state of a training without interruption, with two data workers."""
    folder = tmp_path_factory.mktemp('straight')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr(sys, 'argv', ['tools/train.py', str(write_config(folder, kitti, workers=2)),
                                    '--work-dir', str(folder)])
        runpy.run_path('tools/train.py', run_name='__main__')
    return training_state(folder / f'epoch_{EPOCHS}.pth')
