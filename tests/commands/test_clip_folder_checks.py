"""Folder checks of clip data sets: ``tools/create_data.py kitti-raw`` and ``cityscapes``."""
import json
import shutil

import cv2
import numpy as np
import pytest
from tiny_cityscapes import write_cityscapes, write_png
from tiny_raw import DRIVE, write_kitti_raw

from mmdet3d_plugin.benchmarks.depth.map_files import write_depth_map

LEFT = f'raw/{DRIVE}/image_02/data'
SCANS = f'raw/{DRIVE}/velodyne_points/data'
SEQUENCES = 'leftImg8bit_sequence'
AACHEN, BERLIN = 'train/aachen/aachen_000000_0000', 'test/berlin/berlin_000000_0000'


@pytest.fixture
def run(run_tool):
    """Return ``run(*ARGUMENTS)`` for ``tools/create_data.py``: exit code and printed texts."""
    return lambda *arguments: run_tool('create_data', *arguments)


def problems_of(printed):
    return [line for line in printed.out.splitlines() if line.startswith('problem: ')]


def assert_problems(run, command, root, expected):
    code, printed = run(command, '--root', root)
    found = problems_of(printed)
    assert code == (2 if expected else 0), printed.out + printed.err
    assert len(found) == len(expected), found
    assert all(text in line for text, line in zip(expected, found)), found


def resize(path, size=(20, 10)):
    cv2.imwrite(str(path), np.zeros((*size[::-1], 3), np.uint8))


@pytest.fixture
def kitti(tmp_path):
    return write_kitti_raw(tmp_path / 'set', annotated=True)


def test_a_complete_set_of_raw_drives_passes(run, kitti, tmp_path):
    code, printed = run('kitti-raw', '--root', kitti, '--json', tmp_path / 'report.json')
    assert code == 0, printed.out + printed.err
    assert 'test.txt: 1 of 2 frames have no image before them' in printed.out
    report = json.loads((tmp_path / 'report.json').read_text())
    # Three target frames of two cameras, one of them again in val, and two of the test.
    assert report['splits'] == {'test': 2, 'train': 6, 'val': 1}
    assert report['image_sizes'] == {'310x94': 9} and report['classes'] is None


@pytest.mark.parametrize('spoil, expected', [
    (lambda root: (root / 'raw').rename(root / 'elsewhere'),
     [f'raw: no such folder, but {name}.txt needs it' for name in ('test', 'train', 'val')]),
    # One line for all frames of the drive.
    (lambda root: (root / 'raw' / DRIVE).rename(root / 'elsewhere'),
     ['_drive_0001_sync: no such drive; download and unpack 2011_09_26_drive_0001_sync.zip']),
    (lambda root: (root / 'raw/2011_09_26/calib_cam_to_cam.txt').unlink(),
     ['calib_cam_to_cam.txt: no such file']),
    (lambda root: (root / LEFT / '0000000003.png').unlink(), [
        'image_02/data/0000000003.png: no such image, but it is a neighbour of frame 2 of train',
        'image_02/data/0000000003.png: no such image; restore it or remove the frame from train']),
    (lambda root: (root / LEFT / '0000000004.png').unlink(), [
        'image_02/data/0000000004.png: no such image, but it is a neighbour of frame 3 of train']),
    (lambda root: resize(root / LEFT / '0000000004.png'),
     ['0000000004.png: its size differs from that of frame 3; restore the two']),
    (lambda root: (root / LEFT / '0000000004.png').write_bytes(b'no image'),
     ['0000000004.png: not a readable image']),
    # Frame 2 has an annotated depth map, and frame 0 needs its scan.
    (lambda root: shutil.rmtree(root / SCANS), ['0000000000.bin: no such scan; unpack the dri']),
    (lambda root: (root / SCANS / '0000000000.bin').write_bytes(bytes(30)),
     ['0000000000.bin: has 30 bytes, not a positive multiple of 16']),
    (lambda root: (root / 'raw/2011_09_26/calib_velo_to_cam.txt').unlink(),
     ['calib_velo_to_cam.txt: no such file']),
    (lambda root: [write_depth_map(path, np.ones((3, 4)))
                   for path in root.glob('data_depth_annotated/**/*.png')],
     ['0000000002.png: its size differs from that of']),
    (lambda root: (root / 'splits/val.txt').write_text('a.png b.png 1\n'),
     ["val.txt:1: 'a.png' is no DATE/DRIVE"])])
def test_problems_of_raw_drives(run, kitti, spoil, expected):
    spoil(kitti)
    assert_problems(run, 'kitti-raw', kitti, expected)


def test_check_of_one_list(run, kitti, tmp_path):
    (kitti / LEFT / '0000000004.png').unlink()
    code, printed = run('kitti-raw', '--root', kitti, '--split', kitti / 'splits/val.txt')
    assert code == 0 and 'split val: 1 frames' in printed.out


@pytest.fixture
def cityscapes(tmp_path):
    root = write_cityscapes(tmp_path / 'set')
    (root / 'splits').mkdir()
    (root / 'splits/few.txt').write_text(f'{AACHEN}18\n{AACHEN}20\n')
    return root


def test_a_complete_set_of_sequences_passes(run, cityscapes, tmp_path):
    code, printed = run('cityscapes', '--root', cityscapes, '--json', tmp_path / 'report.json')
    assert code == 0, printed.out + printed.err
    assert f'{SEQUENCES}/train: 7 frames have both neighbours' in printed.out
    assert '3 of 3 runs of consecutive frames do not consist of snippets of 30' in printed.out
    report = json.loads((tmp_path / 'report.json').read_text())
    assert report['splits'] == {'train': 13, 'test': 6, 'few': 2}
    assert report['image_sizes'] == {'256x128': 19}


@pytest.mark.parametrize('spoil, expected', [
    (lambda root: [(root / SEQUENCES).rename(root / 'elsewhere'),
                   (root / 'splits/few.txt').unlink()],
     [f'{SEQUENCES}: holds neither train, val nor test; unpack leftImg8bit_sequence_trainval']),
    (lambda root: shutil.rmtree(root / SEQUENCES / 'test/berlin'),
     [f'{SEQUENCES}/test: holds no frame CITY/CITY_SSSSSS_FFFFFF_leftImg8bit.png']),
    (lambda root: (root / 'camera').rename(root / 'elsewhere'),
     ['camera/train: no readable folder', 'camera/test: no readable folder']),
    # One line for all frames of the snippet.
    (lambda root: (root / f'camera/{AACHEN}19_camera.json').unlink(),
     [f'camera/train/aachen: no camera of the snippet with frame {AACHEN}17; unpack the camera']),
    (lambda root: (root / f'camera/{AACHEN}19_camera.json').write_text('{}'),
     [f'{AACHEN}19_camera.json: intrinsic.fx is missing']),
    (lambda root: (root / f'{SEQUENCES}/{AACHEN}21_leftImg8bit.png').unlink(),
     [f'{AACHEN}21_leftImg8bit.png: no such image, but it is a neighbour of frame 20 of few.txt']),
    (lambda root: resize(root / f'{SEQUENCES}/{AACHEN}18_leftImg8bit.png'),
     [f'{AACHEN}18_leftImg8bit.png: its size differs from that of frame 17; restore the two']),
    (lambda root: (root / f'{SEQUENCES}/{AACHEN}18_leftImg8bit.png').write_bytes(b''),
     [f'{AACHEN}18_leftImg8bit.png: not a readable image']),
    (lambda root: (root / f'{SEQUENCES}/{BERLIN}19_leftImg8bit.png').unlink(),
     [f'{BERLIN}19_leftImg8bit.png: no such image, but it has a camera; restore it',
      f'{BERLIN}19_leftImg8bit.png: no such image, but it has a disparity map; restore it']),
    (lambda root: (root / f'{SEQUENCES}/{BERLIN}17_leftImg8bit.png').unlink(),
     [f'{BERLIN}17_leftImg8bit.png: no such image, but frame 19 is tested with it']),
    (lambda root: write_png(root / f'disparity/{BERLIN}19_disparity.png',
                            np.ones((128, 256), np.uint8)),
     [f'{BERLIN}19_disparity.png: not a readable 16-bit depth image, it is of 8 bits']),
    (lambda root: write_png(root / f'disparity/{BERLIN}19_disparity.png',
                            np.ones((64, 128), np.uint16)),
     [f'{BERLIN}19_disparity.png: its size differs from that of its image']),
    (lambda root: (root / 'splits/few.txt').write_text('val/bonn/bonn_000000_000001\n'),
     [f'{SEQUENCES}/val: no readable folder']),
    (lambda root: (root / 'splits/few.txt').write_text('bonn\n'),
     ["few.txt:1: 'bonn' is no frame"])])
def test_problems_of_sequences(run, cityscapes, spoil, expected):
    spoil(cityscapes)
    assert_problems(run, 'cityscapes', cityscapes, expected)


def test_a_test_split_without_disparities_is_noted(run, tmp_path):
    root = write_cityscapes(tmp_path / 'set', disparities=False)
    code, printed = run('cityscapes', '--root', root)
    assert code == 0
    assert 'note: ' in printed.out and 'disparity/test: no such folder; a test nee' in printed.out


@pytest.mark.parametrize('command, message', [
    ('kitti-raw', 'absent: no such folder; put or link the data set there'),
    ('cityscapes', 'absent: no such folder; put or link the data set there')])
def test_missing_roots_end_with_one_error_line(run, tmp_path, command, message):
    code, printed = run(command, '--root', tmp_path / 'absent')
    assert code == 2 and message in printed.err.splitlines()[-1]
    assert 'Traceback' not in printed.err


def test_a_set_without_lists_ends_with_one_error_line(run, tmp_path):
    code, printed = run('kitti-raw', '--root', tmp_path)
    assert code == 2
    assert "splits: holds no split file; put the lists of Eigen and Zhou's split there" in (
        printed.err.splitlines()[-1])
