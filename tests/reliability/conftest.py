"""Fixtures of the tests of interrupted trainings."""
import runpy
import sys

import pytest
from tiny_kitti import write_kitti
from tiny_training import EPOCHS, ROOT, skip_config_formatting, training_state, write_config


@pytest.fixture(autouse=True, scope='session')
def unformatted_configs():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.config.config.FormatCode', None)  # restored at the end
        skip_config_formatting()
        yield


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
