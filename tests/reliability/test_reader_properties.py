"""Properties of the readers for random content.

What a writer wrote is read back, and any other content gives valid values or an InputError of one
line that names the file.
"""
import functools
import json
import math
import zipfile

import cv2
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from reliability.fuzz_kinds import KINDS
from safetensors.torch import save_file
from waymo_release import write_segment

from mmdet3d_plugin.benchmarks.custom.label_file import CustomLabelFile
from mmdet3d_plugin.benchmarks.depth.map_files import read_depth_map, write_depth_map
from mmdet3d_plugin.benchmarks.kitti.calibration import (
    KittiCalibration,
    read_calibration,
    write_calibration,
)
from mmdet3d_plugin.benchmarks.kitti.labels import read_objects, write_objects
from mmdet3d_plugin.benchmarks.kitti.splits import read_split, write_split
from mmdet3d_plugin.benchmarks.nyu.labelled_file import LabelledFrame
from mmdet3d_plugin.benchmarks.waymo.files import read_objects as read_waymo
from mmdet3d_plugin.benchmarks.waymo.files import write_objects as write_waymo
from mmdet3d_plugin.benchmarks.waymo.objects import WaymoObjects
from mmdet3d_plugin.benchmarks.waymo.release import BOX_COLUMNS, TIME, Segment
from mmdet3d_plugin.commands.training_log import read_scalars
from mmdet3d_plugin.engine.safe_loading import load_plain_checkpoint
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.structures.object_table import ObjectTable
from mmdet3d_plugin.utils.images import read_image


def examples(count):
    """Return a decorator that runs a test for the same random examples each time."""
    return settings(max_examples=count, deadline=None, derandomize=True, database=None,
                    suppress_health_check=[HealthCheck.function_scoped_fixture,
                                           HealthCheck.too_slow])


def refused(path, read):
    """Return the result of a reader, or None if it refuses the file as promised."""
    try:
        return read(path)
    except InputError as error:
        message = str(error)
        assert str(path) in message and message.isprintable() and len(message) < 600, message
        return None


NAMES = st.text(st.characters(categories=['L', 'N', 'P'], exclude_characters='\\/'), min_size=1,
                max_size=20)
NUMBERS = st.floats(-1e6, 1e6)
SIZES = st.floats(.01, 1e6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner,
                                                                max_size=4), max_leaves=9)


@functools.lru_cache
def valid_files(kind, root):
    folder = root / kind
    return [(folder, file, file.read_bytes()) for file in KINDS[kind].write(folder)]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return tmp_path_factory.mktemp('kinds')


@pytest.mark.parametrize('kind', KINDS)
@examples(8)
@given(data=st.data())
def test_any_bytes_and_any_cut_are_read_or_refused(root, kind, data):
    folder, file, content = data.draw(st.sampled_from(valid_files(kind, root)))
    broken = st.binary(max_size=200) | st.integers(0, len(content) - 1).map(
        lambda cut: content[:cut])
    file.write_bytes(data.draw(broken))
    try:
        refused(KINDS[kind].name or file, lambda _: KINDS[kind].read(folder, file))
    finally:
        file.write_bytes(content)


# ---- KITTI

@st.composite
def object_tables(draw):
    count = draw(st.integers(0, 4))
    names = draw(st.lists(NAMES, min_size=count, max_size=count))
    rows = [draw(st.tuples(st.floats(0, 1), st.integers(0, 3), *[NUMBERS] * 12)) for _ in names]
    table = ObjectTable.from_table(names, rows) if names else ObjectTable.empty(False)
    if draw(st.booleans()):
        table.scores = np.array([draw(NUMBERS) for _ in names])
    return table


@examples(40)
@given(table=object_tables())
def test_written_objects_are_read_back(tmp_path, table):
    path = tmp_path / '0.txt'
    write_objects(path, table)
    found = read_objects(path, with_scores=table.scores is not None)
    assert found.names.tolist() == table.names.tolist()
    for name, value in vars(table).items():
        if name != 'names' and value is not None:
            np.testing.assert_allclose(getattr(found, name), value, rtol=0, atol=.00501
                                       if name != 'scores' else .0000501)


@examples(40)
@given(focal=hnp.arrays(float, 2, elements=st.floats(1, 1e6)), rest=hnp.arrays(
    float, 5, elements=NUMBERS), depth_offset=st.floats(-1, 1))
def test_written_calibrations_are_read_back(tmp_path, focal, rest, depth_offset):
    P2 = np.array([[focal[0], 0, *rest[:2]], [0, focal[1], *rest[2:4]], [0, 0, 1, depth_offset]])
    write_calibration(tmp_path / '0.txt', KittiCalibration(P2))
    found = refused(tmp_path / '0.txt', read_calibration)
    if found is not None:
        np.testing.assert_allclose(found.P2, P2, rtol=1e-11)
    else:  # the position of the camera is far outside
        assert np.abs(rest).max() > 1e3


@examples(60)
@given(names=st.lists(NAMES.filter(lambda name: name not in ('.', '..')), min_size=1, max_size=9))
def test_written_splits_are_read_back(tmp_path, names):
    path = tmp_path / 'train.txt'
    write_split(path, names)
    found = refused(path, read_split)
    assert found == names if len(set(names)) == len(names) else found in (names, None)


# ---- images and depth maps

@examples(40)
@given(image=hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3))))
def test_written_images_are_read_back(tmp_path, image):
    for suffix in ('png', 'jpg'):
        path = tmp_path / f'a.{suffix}'
        cv2.imwrite(str(path), image)
        found = read_image(path)
        assert found.shape == image.shape and found.dtype == np.uint8
        if suffix == 'png':
            np.testing.assert_array_equal(found, image)


@examples(40)
@given(depth=hnp.arrays(float, st.tuples(st.integers(1, 9), st.integers(1, 9)),
                        elements=st.just(0.) | st.floats(1 / 256, 255.)),
       scale=st.sampled_from([256., 100.]))
def test_written_depth_maps_are_read_back(tmp_path, depth, scale):
    write_depth_map(tmp_path / 'd.png', depth, scale)
    found = read_depth_map(tmp_path / 'd.png', scale)
    assert ((found > 0) == (depth > 0)).all()
    np.testing.assert_allclose(found, depth, rtol=0, atol=1.001 / scale)


@examples(10)
@given(fill=st.floats(width=32), number=st.integers(-1, 4))
def test_frames_of_hdf5_files(tmp_path, fill, number):
    path = tmp_path / 'labelled.mat'
    with h5py.File(path, 'w') as file:
        file.create_dataset('rawDepths', (2, 640, 480), 'f4', fillvalue=fill, chunks=(1, 640, 480))
    depth = refused(path, lambda path: LabelledFrame(path, number).read_depth_map())
    assert (depth is not None) == (number in (1, 2))
    if depth is not None:
        assert depth.shape == (480, 640)
        assert depth.max() == depth.min() == (fill if fill > 0 and math.isfinite(fill) else 0)


# ---- JSON of own sets

@st.composite
def custom_objects(draw):
    size = {key: draw(st.floats(.1, 20)) for key in ('length', 'height', 'width')}
    entry = {'class': draw(NAMES), 'size': size, 'yaw': draw(st.floats(-6, 6)),
             draw(st.sampled_from(['center', 'bottom_center'])): [
                 draw(st.floats(-2, 2)), draw(st.floats(-1, 1)), draw(st.floats(40, 200))]}
    return entry


@examples(25)
@given(objects=st.lists(custom_objects(), max_size=4), odd=JSON, place=st.sampled_from([
    None, 'frames', 'camera', 'info', 'objects', 'size', 'yaw', 'class', 'box_2d', 'occlusion']))
def test_label_files_of_own_sets(tmp_path, objects, odd, place):
    frame = dict(image='a.png', camera=[[500, 0, 320], [0, 500, 240], [0, 0, 1]], objects=objects)
    content = dict(frames=[frame], info=None)
    for target in (content, frame, *objects):
        if place in target or (place in ('box_2d', 'occlusion') and 'yaw' in target):
            target[place] = odd
    path = tmp_path / 'train.json'
    path.write_text(json.dumps(content))

    def read(path):
        labels = CustomLabelFile(path)
        return [labels.frame(name).table((640, 480)) for name in labels.names]

    tables = refused(path, read)
    if place in (None, 'info'):
        assert tables is not None
    for table in tables or ():
        if table is not None and place is None:
            assert table.names.tolist() == [item['class'] for item in objects]
            sizes = [[item['size'][key] for key in ('height', 'width', 'length')]
                     for item in objects]
            np.testing.assert_array_equal(table.sizes_hwl, np.reshape(sizes, (-1, 3)))


# ---- Waymo

@examples(40)
@given(data=st.data(), count=st.integers(0, 3), suffix=st.sampled_from(['npz', 'json']),
       odd=JSON | hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(max_dims=2, max_side=3)),
       place=st.sampled_from([None, 'segments', 'timestamps', 'types', 'boxes', 'scores', 'new']))
def test_files_of_waymo_objects(tmp_path, data, count, suffix, odd, place):
    def draw(kind, shape, low, high):
        elements = st.integers(low, high) if kind is np.int64 else st.floats(low, high, width=32)
        return data.draw(hnp.arrays(kind, shape, elements=elements))

    objects = WaymoObjects(
        np.array([data.draw(NAMES) for _ in range(count)], dtype=str),
        draw(np.int64, count, 0, 1 << 53), draw(np.int64, count, 0, 9),
        draw(np.float64, (count, 7), -1000, 1000), scores=draw(np.float32, count, 0, 1))
    path = tmp_path / f'found.{suffix}'
    write_waymo(path, objects)
    if place is not None:
        replace_entry(path, place, odd)
    found = refused(path, lambda path: read_waymo(path, detections=True))
    assert found is not None or place not in (None, 'new')
    if found is not None:
        for name, value in vars(found).items():
            assert value is None or len(value) == len(found)
            if name != place and value is not None:
                np.testing.assert_array_equal(value, getattr(objects, name))


def replace_entry(path, name, value):
    if path.suffix == '.json':
        content = json.loads(path.read_text())
        content[name] = value.tolist() if isinstance(value, np.ndarray) else value
        path.write_text(json.dumps(content, default=str))
    else:
        with np.load(path) as archive:
            entries = dict(archive)
        entries[name] = np.asarray(value if isinstance(value, np.ndarray) else str(value))
        np.savez(path, **entries)


@pytest.fixture(scope='module')
def boxes_file(tmp_path_factory):
    root = tmp_path_factory.mktemp('release')
    write_segment(root, 'training', 'a', num_frames=1)
    path = root / 'training/lidar_box/a.parquet'
    return root, path, pq.read_table(path)


@examples(40)
@given(values=st.lists(st.none() | st.floats(), min_size=5, max_size=5),
       times=st.lists(st.none() | st.floats() | st.integers(0, 9).map(float), min_size=5,
                      max_size=5) | st.just([7.] * 5))
def test_columns_of_waymo_segments(boxes_file, values, times):
    root, path, table = boxes_file
    for name, column in ((BOX_COLUMNS[6], values), (TIME, times)):
        table = table.set_column(table.column_names.index(name), name,
                                 pa.array(column, pa.float64()))
    pq.write_table(table, path)
    labels = refused(path, lambda path: Segment(root, 'training', 'a', 'FRONT').labels())
    whole = all(time is not None and time >= 0 and time % 1 == 0 and time <= 2 ** 53
                for time in times)
    assert (labels is not None) == whole
    if whole:
        assert sorted(labels) == sorted(set(map(int, times)))
        found = [labels[time].boxes[:, 6].tolist() for time in sorted(labels)]
        expected = [[math.nan if value is None else value for value, own in zip(values, times)
                     if own == time] for time in sorted(set(times))]
        np.testing.assert_equal(found, expected)


# ---- checkpoints and logs

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-2 ** 63, 2 ** 63) | st.floats(allow_nan=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6)
TENSORS = hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=3), elements=st.floats(
    width=32, allow_nan=False, allow_infinity=False)).map(torch.from_numpy)


@examples(40)
@given(weights=st.dictionaries(NAMES, TENSORS, min_size=1, max_size=3), extra=PLAIN)
def test_saved_checkpoints_are_loaded(tmp_path, weights, extra):
    content = dict(state_dict=weights, meta=dict(epoch=1), extra=extra)
    torch.save(content, tmp_path / 'a.pth')
    found = load_plain_checkpoint(tmp_path / 'a.pth')
    assert found['extra'] == extra and found['meta'] == dict(epoch=1)
    save_file({key: value.contiguous() for key, value in weights.items()},
              tmp_path / 'a.safetensors')
    for loaded in (found, load_plain_checkpoint(tmp_path / 'a.safetensors')):
        assert loaded['state_dict'].keys() == weights.keys()
        assert all(torch.equal(value, weights[key]) for key, value in loaded['state_dict'].items())


@examples(40)
@given(place=st.integers(0, 10 ** 6), value=st.integers(0, 255))
def test_a_checkpoint_with_another_byte_is_loaded_or_refused(tmp_path, place, value):
    path = tmp_path / 'a.pth'
    torch.save(dict(state_dict=dict(a=torch.arange(3.)), meta=dict(epoch=1)), path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    content = bytearray(path.read_bytes())
    content[place % len(content)] = value
    path.write_bytes(content)
    found = refused(path, load_plain_checkpoint)
    assert found is None or isinstance(found, dict)


ROWS = st.lists(st.dictionaries(NAMES, st.floats(-1e9, 1e9) | st.integers(-9, 9), max_size=3),
                min_size=1, max_size=5)


@examples(60)
@given(rows=ROWS, cut=st.integers(0, 10 ** 6))
def test_a_log_that_is_cut_anywhere_has_its_whole_lines(tmp_path, rows, cut):
    rows = [{**row, 'step': step} for step, row in enumerate(rows, start=1)]
    lines = [json.dumps(row) for row in rows]
    content = '\n'.join(lines).encode()
    path = tmp_path / 'scalars.json'
    path.write_bytes(content[:cut % (len(content) + 1)])
    ends = np.cumsum([len(line.encode()) + 1 for line in lines]) - 1
    whole = int((ends <= cut % (len(content) + 1)).sum())
    assert read_scalars(path) == rows[:whole]


@examples(60)
@given(rows=st.lists(JSON, min_size=1, max_size=4))
def test_logs_of_any_json(tmp_path, rows):
    path = tmp_path / 'scalars.json'
    path.write_text('\n'.join(map(json.dumps, rows)))
    for row in refused(path, read_scalars) or ():
        assert all(isinstance(value, (int, float, type(None))) for value in row.values())
