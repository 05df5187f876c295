"""Conversion of Parquet segments to images, annotation files and split files."""
import json
import multiprocessing
import os
import shutil
import signal
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from waymo_release import CAMERA_TO_VEHICLE, OBJECTS, SIZE, write_segment

from mmdet3d_plugin.benchmarks.waymo.converter import ConversionSettings, convert_waymo
from mmdet3d_plugin.benchmarks.waymo.frames import (
    camera_boxes,
    optical_from_vehicle,
    vehicle_boxes,
)
from mmdet3d_plugin.errors import InputError


@pytest.fixture
def release(tmp_path):
    root = tmp_path / 'release'
    images = {name: write_segment(root, 'training', name, empty=(2, ) if name == 'b' else ())
              for name in ('b', 'a')}
    return root, images


def convert(root, out, **settings):
    return convert_waymo(root, out, 'training', ConversionSettings(**settings), workers=2)


def test_annotations_hold_the_objects_of_the_release(release, tmp_path):
    root, _ = release
    report = convert(root, tmp_path / 'out')
    assert (report.segments, report.frames) == (2, 7)
    content = json.loads((tmp_path / 'out/annotations/training/a.json').read_text())
    assert content['size'] == list(SIZE)
    np.testing.assert_allclose(content['cam2img'][:2], [[200, 0, 96, 0], [0, 210, 64, 0]])
    assert [frame['frame'] for frame in content['frames']] == [
        '000000', '000001', '000002', '000003']
    expected = {key: item for key, *item in OBJECTS if key != 'sign'}
    for frame in content['frames']:
        assert len(frame['objects']) == 4
        for item in frame['objects']:
            key = item['id'].split('-')[0]
            kind, location, (length, height, width), heading, points, level = expected[key]
            assert item['type'] == {1: 'Vehicle', 2: 'Pedestrian', 4: 'Cyclist'}[kind]
            np.testing.assert_allclose(item['camera_box'][:6], [*location, length, height, width],
                                       atol=1e-4)
            assert item['box'][6] == pytest.approx(heading)
            assert (item['num_points'], item['difficulty']) == (points, level or 0)
            if key == 'behind':
                assert item['box_2d'] is None
            else:
                u = 200 * location[0] / location[2] + 96
                np.testing.assert_allclose(item['box_2d'], [u - 10, 45, u + 10, 75])


def test_images_are_copied_unchanged(release, tmp_path):
    root, images = release
    convert(root, tmp_path / 'out')
    for rank, name in enumerate('ab'):
        files = sorted((tmp_path / f'out/images/training/{name}').iterdir())
        assert [path.stem for path in files] == [f'{1000 * rank + k:06d}' for k in range(4)]
        assert [path.read_bytes() for path in files] == images[name]


def test_split_lists_labelled_frames_and_report_counts_the_rest(release, tmp_path):
    root, _ = release
    report = convert(root, tmp_path / 'out', every=2)
    names = (tmp_path / 'out/ImageSets/train.txt').read_text().split()
    # Segment b starts at 1000; its third frame has no labels.
    assert names == ['training/a/000000', 'training/a/000002', 'training/b/001000']
    assert report.dropped['frames between those of --every'] == 4
    assert report.dropped['frames without labelled vehicle, pedestrian or cyclist'] == 1
    assert report.dropped['objects of other classes (signs, unknown)'] == 3


def test_every_selects_frames_by_their_number(tmp_path):
    """The second segment starts at 1000, so its first multiple of 3 is 1002."""
    for name in 'ab':
        write_segment(tmp_path / 'release', 'training', name, num_frames=5)
    convert(tmp_path / 'release', tmp_path / 'out', every=3)
    names = (tmp_path / 'out/ImageSets/train.txt').read_text().split()
    assert names == ['training/a/000000', 'training/a/000003', 'training/b/001002']


def test_converted_segments_are_not_converted_again(release, tmp_path):
    root, _ = release
    convert(root, tmp_path / 'out')
    image = tmp_path / 'out/images/training/a/000001.jpg'
    before = image.stat().st_mtime_ns
    (tmp_path / 'out/annotations/training/b.json').unlink()
    assert convert(root, tmp_path / 'out').frames == 7
    assert image.stat().st_mtime_ns == before
    with pytest.raises(InputError, match='was converted with .*; use another --out'):
        convert(root, tmp_path / 'out', every=2)


def test_killed_run_leaves_no_partial_segment(release, tmp_path):
    root, _ = release
    process = multiprocessing.get_context('fork').Process(target=slow_conversion,
                                                          args=(root, tmp_path / 'out'))
    process.start()
    deadline = time.time() + 30
    while not list((tmp_path / 'out').rglob('*.jpg')) and time.time() < deadline:
        time.sleep(.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert list((tmp_path / 'out').rglob('*.jpg'))
    assert not list((tmp_path / 'out').glob('annotations/*/*.json'))
    assert not (tmp_path / 'out/images/training/a').exists()
    convert(root, tmp_path / 'out')
    assert len(list((tmp_path / 'out/images/training/a').iterdir())) == 4
    assert not list((tmp_path / 'out').rglob('.*'))


def slow_conversion(root, out):
    from mmdet3d_plugin.benchmarks.waymo import converter
    from mmdet3d_plugin.benchmarks.waymo.release import Segment
    images = Segment.images

    def slowly(self):
        for item in images(self):
            yield item
            time.sleep(.5)

    Segment.images = slowly
    converter.convert_segment(root, out, 'training', 'a', 0, ConversionSettings())


def test_segments_with_another_rank_or_missing_images_are_converted_again(release, tmp_path):
    root, _ = release
    convert(root, tmp_path / 'out', every=3)
    write_segment(root, 'training', 'aa')  # b has rank 2 instead of 1
    convert(root, tmp_path / 'out', every=3)
    fresh = tmp_path / 'fresh'
    convert(root, fresh, every=3)
    split = 'ImageSets/train.txt'
    assert (tmp_path / 'out' / split).read_text() == (fresh / split).read_text()
    shutil.rmtree(fresh / 'images/training/aa')
    convert(root, fresh, every=3)
    assert len(list((fresh / 'images/training/aa').iterdir())) == 1


def test_incomplete_boxes_are_left_out_and_counted(release, tmp_path):
    root, _ = release
    path = root / 'training/lidar_box/a.parquet'
    table = pq.read_table(path)
    name = '[LiDARBoxComponent].box.center.x'
    values = table[name].to_pylist()
    values[0], values[1] = None, float('nan')
    index = table.column_names.index(name)
    pq.write_table(table.set_column(index, name, pa.array(values, pa.float64())), path)
    report = convert(root, tmp_path / 'out')
    assert report.dropped['objects with an incomplete box'] == 2
    assert report.objects == 4 * 7 - 2


@pytest.mark.parametrize('kind', ['words', 'large', 'dictionary'])
def test_cameras_stored_as_text(release, tmp_path, kind):
    """Numbers or names of cameras, in all text types of Arrow."""
    root, images = release
    words = {1: 'FRONT', 2: 'FRONT_LEFT'}
    for tag in ('camera_image', 'camera_calibration', 'projected_lidar_box'):
        path = root / 'training' / tag / 'a.parquet'
        table = pq.read_table(path)
        numbers = [int(item) for item in table['key.camera_name'].to_pylist()]
        texts = pa.array([words[item] if kind == 'words' else str(item) for item in numbers])
        if kind != 'words':
            texts = texts.cast(pa.large_string() if kind == 'large' else pa.dictionary(
                pa.int32(), pa.string()))
        index = table.column_names.index('key.camera_name')
        pq.write_table(table.set_column(index, 'key.camera_name', texts), path)
    assert convert(root, tmp_path / 'out').frames == 7
    files = sorted((tmp_path / 'out/images/training/a').iterdir())
    assert [path.read_bytes() for path in files] == images['a']


def test_validation_split_lists_all_frames(run_tool, tmp_path):
    root = tmp_path / 'release'
    for split in ('training', 'validation'):
        write_segment(root, split, 'a', empty=(1, ))
    arguments = ['waymo', '--root', root, '--out', tmp_path / 'out', '--workers', 1]
    code, printed = run_tool('create_data', *arguments, '--every', 3)
    assert code == 2 and 'would also drop validation frames; choose the splits' in printed.err
    code, printed = run_tool('create_data', *arguments)
    assert code == 0, printed.err
    assert len((tmp_path / 'out/ImageSets/train.txt').read_text().split()) == 3
    assert len((tmp_path / 'out/ImageSets/val.txt').read_text().split()) == 4


def test_error_names_a_missing_camera_and_an_unwritable_folder(release, tmp_path):
    root, _ = release
    with pytest.raises(InputError, match='no calibration of camera 4'):
        convert(root, tmp_path / 'out', camera='SIDE_LEFT')
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='file/.*/b: cannot write here|file/.*/a: cannot'):
        convert(root, tmp_path / 'file')


def spoil_images(root):
    (root / 'training/camera_image/b.parquet').unlink()


def spoil_types(root):
    path = root / 'training/lidar_box/b.parquet'
    table = pq.read_table(path)
    name = '[LiDARBoxComponent].box.heading'
    index = table.column_names.index(name)
    pq.write_table(table.set_column(index, name, table[name].cast(pa.string())), path)


def spoil_missing(root):
    (root / 'training/lidar_box/b.parquet').unlink()


def spoil_truncated(root):
    path = root / 'training/camera_image/b.parquet'
    path.write_bytes(path.read_bytes()[:-50])


def spoil_schema(root):
    path = root / 'training/lidar_box/b.parquet'
    table = pq.read_table(path)
    names = [name.replace('box.heading', 'box.yaw') for name in table.column_names]
    pq.write_table(table.rename_columns(names), path)


@pytest.mark.parametrize('spoil, message', [
    (spoil_missing, r'lidar_box/b.parquet: no such component; download it'),
    (spoil_images, r'camera_image/b.parquet: no such component; download it'),
    (spoil_types, r'lidar_box/b.parquet: unknown schema, column .*box.heading holds .string.'),
    (spoil_truncated, r'camera_image/b.parquet: truncated or no Parquet file'),
    (spoil_schema, r'lidar_box/b.parquet: unknown schema, with 0 columns .*box.heading')])
def test_broken_segment_is_reported_and_others_are_converted(run_tool, release, tmp_path, spoil,
                                                             message):
    root, _ = release
    spoil(root)
    arguments = ['waymo', '--root', root, '--out', tmp_path / 'out', '--workers', 1]
    code, printed = run_tool('create_data', *arguments)
    assert code == 2
    last = printed.err.strip().splitlines()[-1]
    assert message.split(':')[0] in last and '1 of 2 segments are converted' in last
    assert (tmp_path / 'out/annotations/training/a.json').is_file()
    assert not (tmp_path / 'out/annotations/training/b.json').exists()
    assert not (tmp_path / 'out/ImageSets/train.txt').exists()
    with pytest.raises(InputError, match=message):
        convert(root, tmp_path / 'other')


def test_command_prints_counts(run_tool, release, tmp_path):
    root, _ = release
    code, printed = run_tool('create_data', 'waymo', '--root', root, '--out', tmp_path / 'out',
                             '--workers', 1)
    assert code == 0, printed.err
    assert '2 segments, 7 frames, 28 objects' in printed.out
    assert 'left out: 7 objects of other classes (signs, unknown)' in printed.out
    assert 'training' in printed.err  # the progress bar


def test_error_explains_a_folder_without_segments(run_tool, tmp_path):
    (tmp_path / 'training').mkdir()
    code, printed = run_tool('create_data', 'waymo', '--root', tmp_path, '--out', tmp_path / 'o')
    assert code == 2 and 'no segments (*.parquet) here' in printed.err
    (tmp_path / 'training/segment.tfrecord').touch()
    code, printed = run_tool('create_data', 'waymo', '--root', tmp_path, '--out', tmp_path / 'o')
    assert code == 2 and 'holds the TFRecord release (v1)' in printed.err
    code, printed = run_tool('create_data', 'waymo', '--root', tmp_path / 'x', '--out', tmp_path)
    assert code == 2 and 'holds neither training nor validation' in printed.err


def test_vehicle_boxes_inverts_camera_boxes():
    rng = np.random.default_rng(0)
    transform = optical_from_vehicle(CAMERA_TO_VEHICLE)
    boxes = np.column_stack([rng.uniform(-40, 40, (200, 3)), rng.uniform(.5, 5, (200, 3)),
                             rng.uniform(-np.pi, np.pi, 200)])
    np.testing.assert_allclose(vehicle_boxes(camera_boxes(boxes, transform), transform), boxes,
                               atol=1e-9)


def test_rotation_y_for_a_level_forward_camera():
    """DEVIANT's formula: rotation_y = -heading - pi / 2."""
    boxes = np.column_stack([np.zeros((9, 3)), np.ones((9, 3)), np.linspace(-3, 3, 9)])
    yaws = camera_boxes(boxes, optical_from_vehicle(np.eye(4)))[:, 6]
    difference = yaws - (-boxes[:, 6] - np.pi / 2)
    np.testing.assert_allclose(np.cos(difference), 1, atol=1e-12)
