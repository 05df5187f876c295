"""Clips of KITTI's raw drives: samples, depth and cameras."""
import pickle
import shutil

import numpy as np
import pytest
from mmdet3d.registry import DATASETS
from tiny_depth import P_RECT_02, P_RECT_03, random_depth
from tiny_raw import DRIVE, write_kitti_raw

from mmdet3d_plugin.datasets import KittiRawClipDataset
from mmdet3d_plugin.errors import InputError

SIZE = (310, 94)
LOAD = [dict(type='LoadClip')]
TEST = [*LOAD, dict(type='LoadDepthMap')]
LEFT, RIGHT = f'{DRIVE}/image_02/data', f'{DRIVE}/image_03/data'


@pytest.fixture
def root(tmp_path):
    return write_kitti_raw(tmp_path / 'set')


def build(root, split='train', pipeline=LOAD, **options):
    return KittiRawClipDataset(str(root), f'splits/{split}.txt', pipeline=pipeline, **options)


def indices_of(info):
    return [int(path[-14:-4]) for path in info['clip_paths']]


def test_training_clips(root):
    dataset = build(root)
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    assert [info['frame'] for info in infos] == [
        f'{folder}/{index:010d}' for index in (1, 2, 3) for folder in (LEFT, RIGHT)]
    assert [indices_of(info) for info in infos[::2]] == [[1, 0, 2], [2, 1, 3], [3, 2, 4]]
    for info in infos:
        assert info['clip_offsets'] == (0, -1, 1) and info['clip_present'].all()
        assert all(path.startswith(f'{root}/raw/{info["frame"][:-10]}')
                   for path in info['clip_paths'])
        assert not {'depth_path', 'depth_reader', 'instance_paths', 'clip_motions'} & set(info)
    sample = dataset[0]
    assert [image.shape for image in sample['img']] == [(94, 310, 3)] * 3


def test_images_may_be_jpeg(tmp_path):
    dataset = build(write_kitti_raw(tmp_path / 'set', suffix='.jpg'), offsets=(-1, ))
    assert dataset[0]['img'][1].shape == (94, 310, 3)
    assert dataset.get_data_info(0)['clip_paths'][1].endswith('image_02/data/0000000000.jpg')


@pytest.mark.parametrize('camera, expected', [
    ('default', [[.58 * 310, 0, 155, 0], [0, 1.92 * 94, 47, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
    ((1, 2, .4, .25), [[310, 0, 124, 0], [0, 188, 23.5, 0], [0, 0, 1, 0], [0, 0, 0, 1]])])
def test_fixed_cameras(root, camera, expected):
    dataset = build(root, **({} if camera == 'default' else dict(fixed_camera=camera)))
    for index in (0, 1):
        np.testing.assert_allclose(dataset[index]['cam2img'], expected)


def test_calibrated_cameras(root):
    dataset = build(root, fixed_camera=None)
    for index, P in enumerate([P_RECT_02, P_RECT_03]):
        np.testing.assert_allclose(dataset[index]['cam2img'][:3],
                                   np.diag([310 / 1242, 94 / 375, 1]) @ P, rtol=1e-7)


@pytest.mark.parametrize('camera', [(1, 2, 3), (.58, 0, .5, .5), (.58, np.nan, .5, .5),
                                    (.58, np.inf, .5, .5)])
def test_fixed_cameras_are_four_positive_shares(root, camera):
    with pytest.raises(InputError, match='fixed_camera is .* expected four positive shares'):
        build(root, fixed_camera=camera)


@pytest.mark.parametrize('camera', [None, (.58, 1.92, .5, .5)])
def test_depth_of_tests_comes_from_scans(root, camera):
    """The depth is projected by the calibration, also where the camera of training is fixed."""
    np.array([[10, 0, 0, .3]], '<f4').tofile(
        root / f'raw/{DRIVE}/velodyne_points/data/0000000002.bin')
    dataset = pickle.loads(pickle.dumps(build(root, 'test', TEST, test_mode=True, offsets=(-1, ),
                                              fixed_camera=camera)))
    infos = [dataset.get_data_info(index) for index in range(2)]
    assert [indices_of(info) for info in infos] == [[0, 0], [2, 1]]
    assert [info['clip_present'].tolist() for info in infos] == [[True, False], [True, True]]
    assert (dataset[0]['gt_depth_map'] > 0).sum() > 10
    depth = dataset[1]['gt_depth_map']
    assert depth.shape == (94, 310)
    # At 1242x375 the point is at (613.996, 166.897), with scanner and camera 0.27 m apart.
    assert np.argwhere(depth).tolist() == [[int(166.897 * 94 / 375), int(613.996 * 310 / 1242)]]
    assert depth.max() == pytest.approx(9.73, abs=1e-5)


def test_annotated_depth_takes_the_place_of_scans(tmp_path):
    root = write_kitti_raw(tmp_path / 'set', annotated=True)
    shutil.rmtree(root / f'raw/{DRIVE}/velodyne_points')
    dataset = build(root, 'test', TEST, test_mode=True,
                    data_prefix=dict(img='raw', depth='data_depth_annotated'))
    # Frame 0 has no annotated depth map.
    assert [dataset.get_data_info(index)['frame'] for index in range(len(dataset))] == [
        f'{LEFT}/0000000002']
    np.testing.assert_array_equal(dataset[0]['gt_depth_map'], random_depth(SIZE, 2))
    shutil.rmtree(root / 'data_depth_annotated')
    with pytest.raises(InputError, match='data_depth_annotated: holds no depth map of the 2 fra'):
        build(root, 'test', test_mode=True,
              data_prefix=dict(img='raw', depth='data_depth_annotated'))


def test_instance_maps(tmp_path):
    root = write_kitti_raw(tmp_path / 'set', instances=True)
    prefix = dict(img='raw', instances='instances')
    dataset = build(root, pipeline=[*LOAD, dict(type='LoadClipInstances')], data_prefix=prefix)
    maps = dataset[0]['instance_maps']
    # The car of frame N begins at column 10 N; the clip has the frames 1, 0 and 2.
    assert [np.flatnonzero(instances[-1])[0] for instances in maps] == [10, 0, 20]
    assert np.unique(maps[0]).tolist() == [0, 26001]
    (root / f'instances/{LEFT}/0000000001.png').unlink()
    # In tests a neighbour needs no map, but the target does.
    dataset = build(root, 'test', test_mode=True, data_prefix=prefix, offsets=(-1, ))
    assert dataset.get_data_info(1)['instance_paths'] == [
        f'{root}/instances/{LEFT}/0000000002.png', None]
    with pytest.raises(InputError, match='0000000001.png: no such instance map'):
        build(root, data_prefix=prefix)


CALIBRATION = 'raw/2011_09_26/calib_cam_to_cam.txt'


@pytest.mark.parametrize('split, spoil, message', [
    ('train', lambda root: (root / f'raw/{LEFT}/0000000001.png').unlink(),
     '0000000001.png: no such image, but .*train.txt'),
    ('train', lambda root: (root / f'raw/{LEFT}/0000000000.png').unlink(),
     '0000000000.png: no such image, but it is the neighbour of frame .*0000000001 at offset -1'),
    ('train', lambda root: (root / 'splits/train.txt').write_text(f'{DRIVE} 0 l\n'),
     '0000000000.png: the frame at offset -1 is beyond its clip'),
    ('train', lambda root: (root / 'splits/train.txt').write_text(f'{DRIVE} 1\n'),
     'train.txt:1: 2 fields'),
    ('train', lambda root: (root / f'raw/{LEFT}/0000000002.png').write_bytes(b'no image'),
     '0000000002.png: not a readable image'),
    ('train', lambda root: (root / CALIBRATION).unlink(), 'calib_cam_to_cam.txt: no such file'),
    ('test', lambda root: (root / f'raw/{DRIVE}/velodyne_points/data/0000000002.bin').unlink(),
     '0000000002.bin: no such scan'),
    ('test', lambda root: (root / f'raw/{DRIVE}/velodyne_points/data/0000000002.bin'
                           ).write_bytes(bytes(17)), '0000000002.bin: has 17 bytes'),
    ('test', lambda root: (root / 'raw/2011_09_26/calib_velo_to_cam.txt').write_text('R: 1\n'),
     "calib_velo_to_cam.txt: no 'T:' line")])
def test_error_names_the_missing_file(root, split, spoil, message):
    build(root, split, test_mode=split == 'test')
    spoil(root)
    with pytest.raises(InputError, match=message) as error:
        build(root, split, test_mode=split == 'test', fixed_camera=None)
    assert '\n' not in str(error.value)


def test_frames_with_broken_scans_are_left_out(root):
    scan = np.array([[10, 0, 0, np.nan]], '<f4')
    scan.tofile(root / f'raw/{DRIVE}/velodyne_points/data/0000000002.bin')
    with pytest.raises(InputError, match='0000000002.bin: holds values that are not finite'):
        build(root, 'test', TEST, test_mode=True)[1]
    dataset = build(root, 'test', TEST, test_mode=True, on_error='skip')
    assert len(dataset) == 1 and list(dataset.skipped) == [f'{LEFT}/0000000002']


def test_the_dataset_is_registered():
    assert DATASETS.get('KittiRawClipDataset') is KittiRawClipDataset
