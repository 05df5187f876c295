"""Datasets of clips: target frames, neighbours, motions, and broken sets."""
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmdet3d.registry import DATASETS

from mmdet3d_plugin.benchmarks.kitti.calibration import read_calibration
from mmdet3d_plugin.datasets import ClipDataset, SyntheticClipDataset, clip_dataset
from mmdet3d_plugin.datasets.clip_dataset import least_translation
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.synthetic import SyntheticSet, write_synthetic_set


@pytest.fixture
def root(tiny_clips, tmp_path):
    """Copy of the rendered set that a test may change."""
    shutil.copytree(tiny_clips, tmp_path / 'set')
    return tmp_path / 'set'


def dataset(root, split='train', **options):
    # Serialising takes longer than all else for a few frames.
    return SyntheticClipDataset(str(root), f'ImageSets/{split}.txt', serialize_data=False,
                                **options)


def infos(*arguments, **options):
    built = dataset(*arguments, **options)
    return [built.get_data_info(index) for index in range(len(built))]


def stems(paths):
    return [Path(path).stem for path in paths]


def test_training_clips_are_whole_with_the_target_first(tiny_clips):
    first, second = infos(tiny_clips)
    assert [first['frame'], second['frame']] == ['000001', '000004']
    assert first['clip_offsets'] == (0, -1, 1)
    assert stems(first['clip_paths']) == ['000001', '000000', '000002']
    assert stems(second['clip_paths']) == ['000004', '000003', '000005']
    assert first['clip_present'].dtype == bool and first['clip_present'].tolist() == [True] * 3
    assert stems(first['instance_paths']) == ['000001', '000000', '000002']
    assert {Path(path).parent.name for path in first['instance_paths']} == {'instance_2'}
    assert first['depth_path'] == str(tiny_clips / 'training/depth_2/000001.png')
    assert first['depth_scale'] == 256
    record = first['images']['CAM2']
    assert (record['img_path'], record['width'], record['height']) \
        == (first['clip_paths'][0], 96, 32)
    P2 = read_calibration(tiny_clips / 'training/calib/000001.txt').P2
    np.testing.assert_array_equal(record['cam2img'][:3], P2)


@pytest.mark.parametrize('offsets, targets, neighbours', [
    ((1, -1), ['000001', '000004'], ['000002', '000000']),
    ((-1, ), ['000001', '000002', '000004', '000005'], ['000000']),
    ((2, 1), ['000000', '000003'], ['000002', '000001']),
    ((), ['000000', '000001', '000002', '000003', '000004', '000005'], [])])
def test_offsets_select_targets_and_neighbours(tiny_clips, offsets, targets, neighbours):
    found = infos(tiny_clips, offsets=offsets)
    assert [info['frame'] for info in found] == targets
    assert stems(found[0]['clip_paths']) == [targets[0], *neighbours]
    assert found[0]['clip_offsets'] == (0, *offsets)
    assert found[0]['clip_motions'].shape == (1 + len(offsets), 4, 4)


def test_tests_use_every_frame_and_the_target_stands_in_for_missing_neighbours(tiny_clips):
    first, second, third = infos(tiny_clips, 'val', missing='single')
    assert [stems(info['clip_paths']) for info in (first, second, third)] == [
        ['000006', '000006', '000007'], ['000007', '000006', '000008'],
        ['000008', '000007', '000008']]
    assert [info['clip_present'].tolist() for info in (first, second, third)] == [
        [True, False, True], [True, True, True], [True, True, False]]
    assert stems(first['instance_paths']) == ['000006', '000006', '000007']
    np.testing.assert_array_equal(first['clip_motions'][1], np.eye(4))
    assert np.abs(first['clip_motions'][2] - np.eye(4)).max() > .1


def test_a_deleted_neighbour_is_missing_in_tests_too(root):
    (root / 'training/image_2/000006.png').unlink()
    (root / 'ImageSets/val.txt').write_text('000007\n')
    info, = infos(root, 'val', missing='single')
    assert stems(info['clip_paths']) == ['000007', '000007', '000008']
    assert info['clip_present'].tolist() == [True, False, True]
    np.testing.assert_array_equal(info['clip_motions'][1], np.eye(4))


def read_depth(root, name):
    return cv2.imread(str(root / f'training/depth_2/{name}.png'), cv2.IMREAD_UNCHANGED) / 256.


def background_points(root, name, cam2img):
    """(N, 3) points of the background above the road, 3 to 30 m ahead of the camera."""
    depth = read_depth(root, name)
    instances = cv2.imread(str(root / f'training/instance_2/{name}.png'), cv2.IMREAD_UNCHANGED)
    rows, columns = np.nonzero((instances == 0) & (depth > 3) & (depth < 30))
    z = depth[rows, columns]
    # (u w, v w, w) = cam2img (x, y, z, 1) at the pixel's centre
    w = z + cam2img[2, 3]
    y = ((rows + .5) * w - cam2img[1, 3] - cam2img[1, 2] * z) / cam2img[1, 1]
    x = ((columns + .5) * w - cam2img[0, 3] - cam2img[0, 2] * z) / cam2img[0, 0]
    points = np.stack([x, y, z], axis=1)
    return points[y < 1.2]


def agreement(root, points, cam2img, motion, neighbour):
    """(agreeing, compared) depths of static points in the neighbour's depth map."""
    moved = np.column_stack([points, np.ones(len(points))]) @ motion.T
    image = moved @ cam2img.T
    column, row = np.floor(image[:, :2] / image[:, 2:3]).astype(int).T
    depth = read_depth(root, neighbour)
    inside = (column >= 0) & (row >= 0) & (column < depth.shape[1]) & (row < depth.shape[0]) \
        & (moved[:, 2] > 2)
    column, row, expected = column[inside], row[inside], moved[inside, 2]
    padded = np.pad(depth, 1)  # pixels are large: the point may be in a neighbouring pixel
    error = np.min([np.abs(padded[row + down, column + right] - expected)
                    for down in range(3) for right in range(3)], axis=0)
    return np.array([(error < .15).sum(), len(error)])


@pytest.fixture(scope='module')
def sharp_clips(tmp_path_factory):
    """Three clips in which the camera moves, at a size that shows the background."""
    root = tmp_path_factory.mktemp('sharp') / 'set'
    write_synthetic_set(root, SyntheticSet(6, 3, seed=6, width=320, height=96,
                                           sequence_length=3))
    return root


def test_motions_move_static_points_into_the_depth_maps_of_the_neighbours(sharp_clips):
    right, wrong = np.zeros(2), np.zeros(2)
    for info in infos(sharp_clips) + infos(sharp_clips, 'val'):
        cam2img = info['cam2img']
        points = background_points(sharp_clips, info['frame'], cam2img)
        assert info['clip_motions'].dtype == np.float32
        np.testing.assert_array_equal(info['clip_motions'][0], np.eye(4))
        for motion, path in zip(info['clip_motions'][1:], info['clip_paths'][1:]):
            neighbour = Path(path).stem
            right += agreement(sharp_clips, points, cam2img, motion, neighbour)
            wrong += agreement(sharp_clips, points, cam2img, np.linalg.inv(motion), neighbour)
    assert right[1] > 5000 and right[0] > .9 * right[1]
    # With the motion of the opposite direction only walls along the road agree.
    assert wrong[0] < .65 * wrong[1]


def test_moving_road_users_are_those_whose_place_changes(tiny_clips):
    info, still = infos(tiny_clips)
    rows = [line.split() for line in (tiny_clips / 'tracks/0000.txt').read_text().splitlines()]
    assert info['instance_classes'] == {int(row[1]): row[2] for row in rows}
    places = {(int(row[0]), int(row[1])): np.array(row[3:6], float) for row in rows}
    users = sorted({user for _, user in places})
    speeds = {user: np.linalg.norm(places[2, user] - places[0, user]) / 2 for user in users}
    moving = tuple(user for user in users if speeds[user] > .05)
    assert info['moving_ids'] == moving and 0 < len(moving) < len(users)
    assert infos(tiny_clips, moving_speed=.5)[0]['moving_ids'] \
        == tuple(user for user in users if speeds[user] > .5) != moving
    assert still['moving_ids']  # where the camera stands, too


def test_files_that_the_prefix_leaves_out_are_not_read(root):
    for folder in ('poses', 'tracks', 'training/depth_2', 'training/instance_2'):
        shutil.rmtree(root / folder)
    prefix = dict(img='training/image_2', calib='training/calib')
    for info in infos(root, data_prefix=prefix):
        assert not {'clip_motions', 'instance_paths', 'depth_path', 'moving_ids',
                    'instance_classes'} & set(info)
    with pytest.raises(InputError, match='min_translation needs camera poses'):
        dataset(root, data_prefix=prefix, min_translation=.1)


def test_clips_with_a_standing_camera_are_left_out(tiny_clips, monkeypatch):
    said = []
    monkeypatch.setattr(clip_dataset, 'print_log', lambda text, *_: said.append(text))
    assert [info['frame'] for info in infos(tiny_clips, min_translation=.1)] == ['000001']
    assert len(said) == 1
    assert said[0].endswith('1 of 2 clips are left out, the camera moves less than 0.1 m')
    assert len(infos(tiny_clips, min_translation=0.)) == 2 and len(said) == 1
    with pytest.raises(InputError, match='train.txt: the camera moves less than 2.0 m in all 2 '):
        dataset(tiny_clips, min_translation=2.)


def test_the_least_translation_counts_existing_neighbours_only():
    motions = np.stack([np.eye(4)] * 3)
    motions[1, :3, 3] = 3., 0., 4.
    motions[2, :3, 3] = 0., 1., 0.
    for present, expected in (([1, 1, 1], 1.), ([1, 1, 0], 5.), ([1, 0, 0], np.inf)):
        assert least_translation(dict(clip_motions=motions,
                                      clip_present=np.array(present, bool))) == expected


@pytest.mark.parametrize('options, message', [
    (dict(offsets=(0, 1)), r'offsets is \(0, 1\)'), (dict(offsets=(1, 1)), 'offsets is'),
    (dict(offsets=(.5, )), 'offsets is'), (dict(missing='skip'), "missing is 'skip'"),
    (dict(min_translation=-1.), 'min_translation is -1'),
    (dict(offsets=(-2, 2)), r'no frame of .*train.txt has neighbours at offsets \(-2, 2\)')])
def test_invalid_settings_are_refused(tiny_clips, options, message):
    with pytest.raises(InputError, match=message):
        dataset(tiny_clips, **options)


def test_a_set_of_single_frames_says_how_to_render_clips(tmp_path):
    write_synthetic_set(tmp_path / 'set', SyntheticSet(1, 1, width=96, height=32))
    for missing in ('stop', 'single'):
        with pytest.raises(InputError, match=r'sequences.txt: .*holds single frames; render clips '
                                             r'with .*--sequence-length 3$') as error:
            dataset(tmp_path / 'set', missing=missing)
        assert '\n' not in str(error.value)


def replace_line(path, number, line):
    lines = path.read_text().splitlines()
    lines[number - 1] = line
    path.write_text('\n'.join(lines) + '\n')


BREAK = {
    'neighbour': (lambda root: (root / 'training/image_2/000002.png').unlink(),
                  r'image_2/000002.png: no such image, but it is the neighbour of frame 000001 at '
                  r"offset 1; restore it, .*missing='single'$"),
    'target': (lambda root: (root / 'training/image_2/000001.png').unlink(),
               'image_2/000001.png: no such image, but .*train.txt names'),
    'NaN pose': (lambda root: replace_line(root / 'poses/0000.txt', 2, 'nan ' + '0 ' * 11),
                 'poses/0000.txt:2: a value of the pose is not finite'),
    'skewed pose': (lambda root: replace_line(root / 'poses/0000.txt', 3,
                                              '1 .1 0 0 0 1 0 0 0 0 1 0'),
                    'poses/0000.txt:3: the pose is no rotation'),
    'short poses': (lambda root: replace_line(root / 'poses/0000.txt', 3, ''),
                    'poses/0000.txt: 2 poses for the 3 frames'),
    'no poses': (lambda root: (root / 'poses/0000.txt').unlink(), 'poses/0000.txt: no such file'),
    'no tracks': (lambda root: (root / 'tracks/0000.txt').unlink(),
                  'tracks/0000.txt: no such file of tracks; render the set again'),
    'no mask': (lambda root: (root / 'training/instance_2/000002.png').unlink(),
                'instance_2/000002.png: no such instance map'),
    'no depth': (lambda root: (root / 'training/depth_2/000001.png').unlink(),
                 'depth_2/000001.png: no such depth map'),
    'size': (lambda root: cv2.imwrite(str(root / 'training/image_2/000000.png'),
                                      np.zeros((32, 64, 3), np.uint8)),
             r'000000.png: its size \(64, 32\) differs from the size \(96, 32\) of .*000001.png')}
BREAK_LATER = {
    'image': (lambda root: cut_file(root / 'training/image_2/000000.png'),
              'image_2/000000.png: not a readable image'),
    'mask': (lambda root: cut_file(root / 'training/instance_2/000002.png'),
             'instance_2/000002.png: not a readable image, it is cut off'),
    'mask size': (lambda root: cv2.imwrite(str(root / 'training/instance_2/000002.png'),
                                           np.zeros((16, 96), np.uint16)),
                  r'instance_2/000002.png: its size \(16, 96\) differs from the image')}


def cut_file(path):
    path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize('case', BREAK)
def test_a_broken_clip_stops_with_one_line_that_names_the_file(root, case):
    break_set, message = BREAK[case]
    break_set(root)
    with pytest.raises(InputError, match=message) as error:
        dataset(root)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('case', ['neighbour', 'NaN pose', 'size', *BREAK_LATER])
def test_broken_clips_are_skipped_on_demand(root, case):
    break_set, message = {**BREAK, **BREAK_LATER}[case]
    break_set(root)
    built = dataset(root, on_error='skip')
    assert [built.get_data_info(index)['frame'] for index in range(len(built))] == ['000004']
    assert list(built.skipped) == ['000001']
    with pytest.raises(InputError, match=message):
        raise InputError(built.skipped['000001'])


@pytest.mark.parametrize('case', BREAK_LATER)
def test_broken_pixels_stop_the_loading(root, case):
    break_set, message = BREAK_LATER[case]
    break_set(root)
    built = dataset(root, pipeline=[dict(type='LoadClip'), dict(type='LoadClipInstances')])
    with pytest.raises(InputError, match=message):
        built[0]
    assert len(built[1]['instance_maps']) == 3


def test_a_frame_without_a_clip_is_refused(root):
    (root / 'ImageSets/train.txt').write_text('000001\n000099\n')
    with pytest.raises(InputError, match='sequences.txt: frame 000099 of .*train.txt is in no '):
        dataset(root)


class Drive(ClipDataset):
    """Minimal dataset: frames 0 to 2 of one recording, without poses; 1 has a mask."""

    def frame_names(self):
        return self.names

    def neighbour_of(self, name, offset):
        index = int(name) + offset
        return str(index) if 0 <= index < 3 else None

    def image_of(self, name):
        return Path(self.data_root, f'{name}.png')

    def cam2img_of(self, name):
        return np.diag([50., 50., 1., 1.])

    def instances_of(self, name):
        return Path(self.data_root, 'mask.png') if name == '1' else None


def drive(tmp_path, names, **options):
    for index in range(3):
        cv2.imwrite(str(tmp_path / f'{index}.png'), np.zeros((4, 6, 3), np.uint8))
    cv2.imwrite(str(tmp_path / 'mask.png'), np.full((4, 6), 300, np.uint16))
    kind = type('Drive', (Drive, ), dict(names=names))
    return kind(str(tmp_path), 'split.txt', serialize_data=False, **options)


def test_a_listed_target_at_the_end_of_a_recording_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"2.png: the frame at offset 1 is beyond its clip; .*"
                                         r"remove frame 2 from .*split.txt, or pass missing="):
        drive(tmp_path, ['1', '2'])
    assert len(drive(tmp_path, ['1', '2'], missing='single')) == 2


def test_a_mask_of_the_target_alone_serves_tests(tmp_path):
    built = drive(tmp_path, ['1'], on_error='skip')
    info = built.get_data_info(0)
    assert 'clip_motions' not in info
    assert info['instance_paths'] == [str(tmp_path / 'mask.png'), None, None]
    load = [dict(type='LoadClip')]
    test = drive(tmp_path, ['1'],
                 pipeline=load + [dict(type='LoadClipInstances', target_only=True)])
    assert (test[0]['gt_instance_map'] == 300).all()
    training = drive(tmp_path, ['1'], pipeline=load + [dict(type='LoadClipInstances')])
    with pytest.raises(InputError, match='neighbours of this frame have no instance maps'):
        training[0]


def test_the_dataset_is_registered(tiny_clips):
    built = DATASETS.build(dict(type='SyntheticClipDataset', data_root=str(tiny_clips),
                                ann_file='ImageSets/val.txt'))
    assert len(built) == 1 and built.metainfo['classes'] == ()
