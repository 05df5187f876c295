"""Component files with columns of the right names and odd content: each is refused by its name."""
import os
import re
import signal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from waymo_release import CAMERA_TO_VEHICLE, write_segment

from mmdet3d_plugin.benchmarks.waymo import components, converter
from mmdet3d_plugin.benchmarks.waymo.components import MAX_ROWS
from mmdet3d_plugin.benchmarks.waymo.converter import ConversionSettings, convert_waymo
from mmdet3d_plugin.benchmarks.waymo.release import Segment
from mmdet3d_plugin.errors import InputError

TIME, CAMERA, OBJECT = ('key.frame_timestamp_micros', 'key.camera_name', 'key.laser_object_id')
IMAGE = '[CameraImageComponent].image'
EXTRINSIC = '[CameraCalibrationComponent].extrinsic.transform'
FOCAL_LENGTH = '[CameraCalibrationComponent].intrinsic.f_u'
WIDTH = '[CameraCalibrationComponent].width'
LENGTH, TYPE, POINTS, LEVEL, HEADING = (f'[LiDARBoxComponent].{name}' for name in (
    'box.size.x', 'type', 'num_lidar_points_in_box', 'difficulty_level.detection',
    'box.heading'))
PROJECTED_X = '[ProjectedLiDARBoxComponent].box.center.x'
BOXES, PROJECTED, IMAGES, CALIBRATION = ('lidar_box', 'projected_lidar_box', 'camera_image',
                                         'camera_calibration')


@pytest.fixture
def root(tmp_path):
    write_segment(tmp_path / 'release', 'training', 'a', num_frames=2)
    return tmp_path / 'release'


def change(root, tag, name, column, **options):
    """Replace a column of segment a. ``column`` may be a function of the old values."""
    path = root / f'training/{tag}/a.parquet'
    table = pq.read_table(path)
    if callable(column):
        column = column(table[name].to_pylist())
    index = table.column_names.index(name)
    pq.write_table(table.set_column(index, name, column), path, **options)
    return path


def read(root):
    """Read everything of segment a."""
    segment = Segment(root, 'training', 'a', 'FRONT')
    return (segment.calibration(), segment.timestamps(), list(segment.images()),
            segment.labels())


def first(value, kind=None):
    """Return a function that replaces the first value of a column."""
    return lambda values: pa.array([value, *values[1:]], kind)


def bad_utf8(values):
    text = b'\xff\xfe'
    offsets = np.arange(len(values) + 1, dtype=np.int32) * len(text)
    return pa.Array.from_buffers(pa.string(), len(values), [
        None, pa.py_buffer(offsets), pa.py_buffer(text * len(values))])


def transform(change):
    """Return a column of extrinsics; ``change`` alters a list of 16 numbers."""
    flat = CAMERA_TO_VEHICLE.ravel().tolist()
    changed = change(flat)
    return pa.array([changed, changed], pa.list_(pa.float64()))


def scaled_rows(flat):
    return (np.diag([2., 2., 2., 1.]) @ np.reshape(flat, (4, 4))).ravel().tolist()


def mirrored(flat):
    return (np.reshape(flat, (4, 4)) @ np.diag([1., -1., 1., 1.])).ravel().tolist()


@pytest.mark.parametrize('tag, name, column, message', [
    (BOXES, TIME, first(None), 'holds None, expected a whole number from 0'),
    (BOXES, TIME, first(float('nan'), pa.float64()), 'holds nan, expected a whole number'),
    (BOXES, TIME, first(float('inf'), pa.float64()), 'holds inf, expected'),
    (BOXES, TIME, first(.5, pa.float64()), 'holds 0.5, expected'),
    (BOXES, TIME, first(-1), 'holds -1, expected'),
    (BOXES, TIME, first(2 ** 63, pa.uint64()), 'holds 9223372036854775808, expected'),
    (IMAGES, TIME, first(None), 'holds None, expected'),
    (PROJECTED, TIME, first(None), 'holds None, expected'),
    (IMAGES, TIME, lambda values: pa.array([1] * len(values)), 'images of camera 1 at 1 times'),
    (BOXES, TIME, lambda values: pa.array(values, pa.timestamp('us')), "'timestamp.us.', not"),
    (IMAGES, CAMERA, first(None), 'holds None, expected'),
    (IMAGES, CAMERA, lambda values: pa.array(['BACK'] * len(values)), "holds 'BACK', expected"),
    (IMAGES, CAMERA, lambda values: pa.array([1.5] * len(values)), 'holds 1.5, expected'),
    (PROJECTED, CAMERA, bad_utf8, 'Invalid UTF8'),
    (BOXES, OBJECT, bad_utf8, 'Invalid UTF8'),
    (BOXES, OBJECT, first(None), 'holds None, expected a printable text'),
    (BOXES, OBJECT, first('x' * 201), "'x+..., expected a printable text of at most 200"),
    (BOXES, OBJECT, first('\x1b[31m'), r"holds '\\x1b\[31m', expected"),
    (BOXES, OBJECT, lambda values: pa.array([[item] for item in values]), 'holds .list<'),
    (BOXES, OBJECT, lambda values: pa.array([{'\x1b': 1}] * len(values)), 'holds .struct<'),
    (BOXES, OBJECT, lambda values: pa.nulls(len(values)), "holds 'null', not text"),
    (BOXES, TYPE, first(-1, pa.int64()), 'holds -1, expected a whole number from 0'),
    (BOXES, TYPE, first(float('inf'), pa.float64()), 'holds inf'),
    (BOXES, POINTS, first(-3), 'holds -3'),
    (BOXES, POINTS, first(2 ** 40), 'holds 1099511627776'),
    (BOXES, LEVEL, first(3, pa.int8()), 'holds 3, expected a whole number from 0 to 2'),
    (BOXES, HEADING, lambda values: pa.array([[1.]] * len(values)), 'holds .list<'),
    (BOXES, HEADING, lambda values: pa.array(['1'] * len(values)).dictionary_encode(), 'holds'),
    (BOXES, HEADING, lambda values: pa.array([True] * len(values)), "holds 'bool', not numbers"),
    (CALIBRATION, FOCAL_LENGTH, pa.array([0., 0.]), 'camera 1 has the intrinsics 0, 210'),
    (CALIBRATION, FOCAL_LENGTH, pa.array([np.nan] * 2), 'has the intrinsics nan, 210'),
    (CALIBRATION, FOCAL_LENGTH, pa.array([1e7] * 2), r'has the intrinsics 1e\+07, 210'),
    (CALIBRATION, FOCAL_LENGTH, pa.array([None] * 2, pa.float64()), 'has the intrinsics nan'),
    (CALIBRATION, WIDTH, pa.array([0, 0]), 'images of size 0, 128'),
    (CALIBRATION, WIDTH, pa.array([1.5, 1.5]), 'images of size 1.5, 128'),
    (CALIBRATION, WIDTH, pa.array([np.inf] * 2), 'images of size inf, 128'),
    (CALIBRATION, WIDTH, pa.array([2 ** 40] * 2), 'images of size 1.09951e.12, 128'),
    (CALIBRATION, CAMERA, pa.array(['2', '3']), 'no calibration of camera 1'),
    (CALIBRATION, EXTRINSIC, transform(lambda flat: [0.] * 16), 'extrinsic 0, .* no 4x4 rot'),
    (CALIBRATION, EXTRINSIC, transform(lambda flat: flat[:12]), 'extrinsic nan'),
    (CALIBRATION, EXTRINSIC, transform(lambda flat: None), 'extrinsic nan'),
    (CALIBRATION, EXTRINSIC, transform(lambda flat: [None, *flat[1:]]), 'extrinsic nan, '),
    (CALIBRATION, EXTRINSIC, transform(lambda flat: [*flat[:3], np.inf, *flat[4:]]), 'inf'),
    (CALIBRATION, EXTRINSIC, transform(lambda flat: [*flat[:15], 2.]), 'no 4x4 rotation'),
    (CALIBRATION, EXTRINSIC, transform(scaled_rows), 'no 4x4 rotation'),
    (CALIBRATION, EXTRINSIC, transform(mirrored), 'no 4x4 rotation'),
    (CALIBRATION, EXTRINSIC, pa.array([['a']] * 2), 'holds .list<'),
    (CALIBRATION, EXTRINSIC, pa.array([[[1.]]] * 2), 'holds .list<')])
def test_odd_values_are_refused_with_the_file(root, tag, name, column, message):
    path = change(root, tag, name, column)
    with pytest.raises(InputError, match=message) as raised:
        read(root)
    assert str(raised.value).startswith(f'{path}: ') and str(raised.value).isprintable()
    assert len(str(raised.value)) < 600


def test_missing_counts_and_levels_are_zero(root):
    for name in (TYPE, POINTS, LEVEL):
        change(root, BOXES, name, first(None))
    labels = read(root)[3][1_000_000]
    assert (labels.types[0], labels.num_points[0], labels.difficulties[0]) == (0, 0, 0)
    assert (labels.types[1], labels.num_points[1], labels.difficulties[1]) == (2, 4, 2)


def test_dictionaries_and_empty_row_groups_are_read(root):
    expected = read(root)
    for tag, name in ((BOXES, HEADING), (BOXES, OBJECT), (BOXES, TIME), (IMAGES, CAMERA)):
        change(root, tag, name, lambda values: pa.array(values).dictionary_encode())
    for tag in (BOXES, PROJECTED, IMAGES, CALIBRATION):
        path = root / f'training/{tag}/a.parquet'
        table = pq.read_table(path)
        with pq.ParquetWriter(path, table.schema) as writer:
            for part in (table[:0], table[:3], table[:0], table[3:], table[:0]):
                writer.write_table(part)
    found = read(root)
    np.testing.assert_equal(vars(found[0]), vars(expected[0]))
    assert found[1:3] == expected[1:3]
    for time in expected[1]:
        np.testing.assert_equal(vars(found[3][time]), vars(expected[3][time]))


def test_a_column_that_occurs_twice_is_refused(root):
    path = root / f'training/{BOXES}/a.parquet'
    table = pq.read_table(path)
    pq.write_table(table.append_column(HEADING, table[HEADING]), path)
    with pytest.raises(InputError, match='a.parquet: unknown schema, with 2 columns .*heading'):
        read(root)


def bomb(root, tag, name, values, codec='zstd'):
    """Repeat the rows of a component with one value in a column."""
    path = root / f'training/{tag}/a.parquet'
    table = pq.read_table(path).take(pa.array([0] * len(values)))
    pq.write_table(table.set_column(table.column_names.index(name), name, values), path,
                   compression=codec)
    return path


@pytest.mark.parametrize('tag, name, value', [
    (IMAGES, IMAGE, bytes(4 << 20)), (BOXES, OBJECT, 'x' * (4 << 20))])
def test_values_that_decompress_to_much_are_refused(root, monkeypatch, tag, name, value):
    bomb(root, tag, name, pa.array([value]))
    monkeypatch.setattr(components, 'MAX_BYTES', 2 << 20)
    peak = pa.default_memory_pool().bytes_allocated()
    with pytest.raises(InputError, match='a.parquet: declares 1 rows, and up to 4 MB per row '
                       f'group, expected at most {MAX_ROWS} rows and 2 MB'):
        read(root)
    assert pa.default_memory_pool().bytes_allocated() - peak < 1 << 20


def test_large_values_that_are_stored_in_full_are_read(root, monkeypatch):
    monkeypatch.setattr(components, 'MAX_BYTES', 2 << 20)
    value = np.random.default_rng(0).bytes(4 << 20)
    bomb(root, IMAGES, IMAGE, pa.array([value]))
    assert read(root)[2] == [(1_100_000, value)]


def test_too_many_rows_are_refused(root):
    """One run of equal values takes a few bytes."""
    path = bomb(root, BOXES, HEADING, pa.array(np.zeros(MAX_ROWS + 1)))
    assert path.stat().st_size < 1 << 16
    with pytest.raises(InputError, match=f'a.parquet: declares {MAX_ROWS + 1} rows, .*'
                       f'expected at most {MAX_ROWS} rows'):
        read(root)


def test_equal_long_texts_take_the_memory_of_one(root):
    """200,000 rows with a text of 1 MB each are stored in a few KB."""
    values = pa.DictionaryArray.from_arrays(np.zeros(200_000, np.int32), ['x' * (1 << 20)])
    bomb(root, BOXES, OBJECT, values)
    peak = pa.default_memory_pool().max_memory()
    with pytest.raises(InputError, match='expected a printable text of at most 200 characters'):
        read(root)
    assert pa.default_memory_pool().max_memory() - peak < 1 << 25


def describe(root):
    _, _, _, labels = read(root)
    objects, dropped = converter.describe_objects(labels[1_000_000], np.eye(4))
    return [item['id'] for item in objects], {key: count for key, count in dropped.items()
                                              if 'classes' not in key}


INCOMPLETE = 'objects with an incomplete box'
IMPOSSIBLE = 'objects with a side that is not positive, or a value above 1e+06'


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('tag, name, value, reason', [
    (BOXES, HEADING, None, INCOMPLETE), (BOXES, HEADING, np.nan, INCOMPLETE),
    (BOXES, HEADING, -np.inf, INCOMPLETE), (BOXES, HEADING, 1e300, IMPOSSIBLE),
    (BOXES, LENGTH, -4., IMPOSSIBLE), (BOXES, LENGTH, 0., IMPOSSIBLE),
    (PROJECTED, PROJECTED_X, None, INCOMPLETE), (PROJECTED, PROJECTED_X, np.inf, INCOMPLETE),
    (PROJECTED, PROJECTED_X, 1e7, IMPOSSIBLE)])
def test_impossible_boxes_are_left_out_and_counted(root, tag, name, value, reason):
    assert describe(root) == (['car-a', 'walker-a', 'rider-a', 'behind-a'], {})
    change(root, tag, name, first(value))
    assert describe(root) == (['walker-a', 'rider-a', 'behind-a'], {reason: 1})


def convert(root, out):
    return convert_waymo(root, out, 'training', ConversionSettings(), workers=2)


def test_odd_segments_leave_the_others(root, tmp_path, capsys):
    """Three broken segments of five, one with a failure that no check foresees."""
    for name in 'bcde':
        write_segment(root, 'training', name, num_frames=2)
    out = tmp_path / 'out'
    convert(root, out)
    for name in 'bcde':
        (out / f'annotations/training/{name}.json').unlink()
    (out / 'ImageSets/train.txt').unlink()
    (out / 'annotations/training/a.json').write_text('[' * 100_000)
    change(root, BOXES, TIME, first(None))
    (root / 'training/lidar_box/a.parquet').rename(root / 'training/lidar_box/b.parquet')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Segment, 'calibration', failing(Segment.calibration, 'd'))
        with pytest.raises(InputError, match='; 2 of 5 segments are converted, and the same'):
            convert(root, out)
    printed = capsys.readouterr().err
    for message in ('failed: .*/annotations/training/a.json: is no JSON',
                    'failed: .*/lidar_box/b.parquet: column .* holds None',
                    "failed: d: this segment cannot be converted .ZeroDivisionError: 'division"):
        assert re.search(message, printed), message
    assert sorted(path.stem for path in (out / 'annotations/training').iterdir()) == [
        'a', 'c', 'e']
    assert not (out / 'ImageSets/train.txt').exists()


def failing(method, name):
    def calibration(self):
        if self._files['camera_image'].path.stem == name:
            1 / 0
        return method(self)
    return calibration


def test_a_segment_whose_process_dies_is_named(root, tmp_path, monkeypatch, capsys):
    for name in 'bcd':
        write_segment(root, 'training', name, num_frames=2)
    method = Segment.calibration

    def dying(self):
        if self._files['camera_image'].path.stem == 'b':
            os.kill(os.getpid(), signal.SIGKILL)
        return method(self)

    monkeypatch.setattr(Segment, 'calibration', dying)
    with pytest.raises(InputError, match=r'^b: the process .* ended, .*; 3 of 4 segments are'):
        convert(root, tmp_path / 'out')
    assert sorted(path.stem for path in (tmp_path / 'out/annotations/training').iterdir()) == [
        'a', 'c', 'd']
    assert capsys.readouterr().err.count('failed: ') == 1
