"""Conversion of Virtual KITTI 2 from generated folders of its layout."""
import re

import numpy as np
import pytest
from PIL import Image
from tiny_kitti import box_corners, project

from mmdet3d_plugin.benchmarks.kitti.calibration import read_calibration
from mmdet3d_plugin.benchmarks.kitti.labels import read_objects

K = np.array([[725.0087, 0, 620.5, 0], [0, 725.0087, 187, 0], [0, 0, 1, 0]])
SIZE = (1.42, 1.77, 3.62)
BOX = ('frame cameraID trackID left right top bottom number_pixels truncation_ratio '
       'occupancy_ratio isMoving\n')
POSE = ('frame cameraID trackID alpha width height length world_space_X world_space_Y '
        'world_space_Z rotation_world_space_y rotation_world_space_x rotation_world_space_z '
        'camera_space_X camera_space_Y camera_space_Z rotation_camera_space_y '
        'rotation_camera_space_x rotation_camera_space_z\n')
INTRINSIC = 'frame cameraID K[0,0] K[1,1] K[0,2] K[1,2]\n'


def write_scene(folder, shift=0.):
    """Write two frames of two cameras with a car and a van each."""
    images = folder / 'frames/rgb/Camera_0'
    images.mkdir(parents=True)
    texts = dict(bbox=BOX, pose=POSE, intrinsic=INTRINSIC)
    for frame in (0, 1):
        Image.new('RGB', (1242, 375)).save(images / f'rgb_{frame:05d}.jpg')
        for camera in (0, 1):
            texts['intrinsic'] += f'{frame} {camera} 725.0087 725.0087 620.5 187\n'
            for track, visible in ((4, .9), (7, .5)):
                x, y, z, yaw = -3. + track + shift - camera, 1.6, 14. + frame, 1.2 - track
                corners = project(box_corners((x, y, z), SIZE, yaw), K)
                (left, top), (right, bottom) = corners.min(0), corners.max(0)
                texts['bbox'] += (f'{frame} {camera} {track} {left} {right} {top} {bottom} 900 '
                                  f'0.125 {visible} True\n')
                texts['pose'] += (f'{frame} {camera} {track} {yaw - np.arctan2(x, z)} 1.77 1.42 '
                                  f'3.62 53 -106 79 2 0 0 {x} {y} {z} {yaw} 0 0\n')
    texts['info'] = 'trackID label model color\n4 Car Hatchback Red\n7 Van Minibus White\n'
    for name, text in texts.items():
        (folder / f'{name}.txt').write_text(text)


@pytest.fixture
def root(tmp_path):
    write_scene(tmp_path / 'vkitti2/Scene01/clone')
    write_scene(tmp_path / 'vkitti2/Scene01/rain')
    write_scene(tmp_path / 'vkitti2/Scene20/clone', shift=-1.)
    return tmp_path / 'vkitti2'


def test_conversion(root, run_tool, tmp_path):
    out = tmp_path / 'out'
    code, printed = run_tool('create_data', 'vkitti2', '--root', root, '--out', out)
    assert code == 0, printed.out + printed.err
    assert 'out: 4 frames of train, 2 frames of val, 12 objects' in printed.out
    assert printed.out.rstrip().endswith('out: no problems')
    assert (out / 'ImageSets/train.txt').read_text().split() == [
        'Scene01/clone/00000', 'Scene01/clone/00001', 'Scene01/rain/00000', 'Scene01/rain/00001']
    assert (out / 'ImageSets/val.txt').read_text().split() == [
        'Scene20/clone/00000', 'Scene20/clone/00001']
    image = out / 'training/image_2/Scene20/clone/00001.jpg'
    assert image.read_bytes() == (
        root / 'Scene20/clone/frames/rgb/Camera_0/rgb_00001.jpg').read_bytes()
    labels = read_objects(out / 'training/label_2/Scene20/clone/00001.txt')
    assert labels.names.tolist() == ['Car', 'Van'] and labels.occlusions.tolist() == [0, 1]
    np.testing.assert_allclose(labels.sizes_hwl, [SIZE, SIZE])
    np.testing.assert_allclose(labels.locations, [[0, 1.6, 15], [3, 1.6, 15]])
    np.testing.assert_allclose(labels.rotations_y, [-2.8, -5.8])
    np.testing.assert_allclose(labels.truncations, .125)
    P2 = read_calibration(out / 'training/calib/Scene20/clone/00001.txt').P2
    np.testing.assert_allclose(P2, K, rtol=1e-6)
    corners = project(box_corners((0, 1.6, 15), SIZE, -2.8), K)
    np.testing.assert_allclose(labels.boxes_2d[0], [*corners.min(0), *corners.max(0)], atol=1e-4)

    code, printed = run_tool('create_data', 'vkitti2', '--root', root, '--out', out)
    assert code == 2 and 'out: exists already; choose another --out' in printed.err


def test_chosen_scenes_and_conditions(root, run_tool, tmp_path):
    code, printed = run_tool('create_data', 'vkitti2', '--root', root, '--out', tmp_path / 'out',
                             '--conditions', 'clone', '--val-scenes', 'Scene01')
    assert code == 0 and '2 frames of val, 2 frames of train' in printed.out


@pytest.mark.parametrize('file, old, new, message', [
    ('bbox.txt', '0.125', 'nan', r'bbox.txt:2: truncation_ratio is .nan., expected a finite'),
    ('pose.txt', ' 1.42 ', ' high ', r'pose.txt:2: height is .high., expected'),
    ('pose.txt', 'camera_space_X', 'x3d', 'pose.txt:1: has no column camera_space_X; unpack'),
    ('bbox.txt', '0 0 4 ', '0 0 5 ', r'bbox.txt:2: track 5 of frame 0 is not in pose.txt'),
    ('info.txt', '4 Car', '5 Car', r'bbox.txt:2: track 4 of frame 0 is not in info.txt'),
    ('intrinsic.txt', '\n1 0 ', '\n1 2 ', 'bbox.txt:6: frame 1 has no camera in intrinsic.txt'),
    ('intrinsic.txt', ' 187\n', '\n', 'intrinsic.txt:2: 5 fields, expected 6'),
    ('frames/rgb/Camera_0/rgb_00001.jpg', None, None, 'rgb_00001.jpg: no such image; unpack')])
def test_broken_files(root, run_tool, tmp_path, file, old, new, message):
    path = root / 'Scene20/clone' / file
    if old is None:
        path.unlink()
    else:
        path.write_text(path.read_text().replace(old, new, 1))
    code, printed = run_tool('create_data', 'vkitti2', '--root', root, '--out', tmp_path / 'out')
    assert code == 2 and len(printed.err.strip().splitlines()) == 1
    assert re.search(message, printed.err), printed.err
    assert [path.name for path in tmp_path.iterdir()] == ['vkitti2']


@pytest.mark.parametrize('options, message', [
    (['--val-scenes', 'Scene02'], 'has no Scene02; the scenes are Scene01, Scene20'),
    (['--val-scenes', 'Scene01', 'Scene20'], 'has no scene besides those for validation'),
    (['--conditions', 'clone', 'fog'], "no scene has the condition 'fog'"),
    (['--conditions', 'rain'], 'Scene20: holds no pose.txt of the wanted conditions')])
def test_wrong_options(root, run_tool, tmp_path, options, message):
    code, printed = run_tool('create_data', 'vkitti2', '--root', root, '--out', tmp_path / 'out',
                             *options)
    assert code == 2 and message in printed.err
