"""Files of Waymo labels and detections, and their evaluation by the command."""
import json
import pickle
import time

import numpy as np
import pytest
from random_waymo import random_detections, random_labels

from mmdet3d_plugin.benchmarks.waymo.files import (
    BOX_FIELDS,
    objects_proto,
    read_objects,
    write_objects,
)
from mmdet3d_plugin.errors import InputError


@pytest.fixture
def objects():
    rng = np.random.default_rng(0)
    labels = random_labels(rng, num_frames=6, per_frame=5)
    labels.camera_boxes = rng.uniform(1, 9, (len(labels), 7))
    labels.in_front = rng.random(len(labels)) < .5
    return labels, random_detections(rng, labels)


def write_proto(path, objects):
    """Write a serialised Objects proto."""
    message = objects_proto()()
    for index in range(len(objects)):
        item = message.objects.add(context_name=objects.segments[index],
                                   frame_timestamp_micros=int(objects.timestamps[index]))
        item.object.type = int(objects.types[index])
        for name, value in zip(BOX_FIELDS, objects.boxes[index]):
            setattr(item.object.box, name, value)
        if objects.scores is not None:
            item.score = objects.scores[index]
        else:
            item.object.num_lidar_points_in_box = int(objects.num_points[index])
            item.object.detection_difficulty_level = int(objects.difficulties[index])
    path.write_bytes(message.SerializeToString())


@pytest.mark.parametrize('suffix', ['npz', 'json'])
def test_round_trip(tmp_path, objects, suffix):
    for kind, detections in zip(objects, (False, True)):
        path = tmp_path / f'objects.{suffix}'
        write_objects(path, kind)
        found = read_objects(path, detections)
        for name, value in vars(kind).items():
            if value is None:
                assert getattr(found, name) is None
            else:
                np.testing.assert_array_equal(getattr(found, name), value)


def test_evaluation_of_protos_equals_that_of_npz(run_tool, tmp_path, objects):
    labels, detections = objects
    figures = {}
    for suffix, write in (('npz', write_objects), ('bin', write_proto)):
        files = [tmp_path / f'{name}.{suffix}' for name in ('gt', 'pred')]
        for path, kind in zip(files, objects):
            write(path, kind)
        out = tmp_path / f'{suffix}.json'
        code, printed = run_tool('evaluate', 'waymo', '--gt', files[0], '--pred', files[1],
                                 '--json', out, '--plot', tmp_path / f'{suffix}.png')
        assert code == 0, printed.err
        assert f'{len(labels)} labels, {len(detections)} detections' in printed.out
        assert 'mode official' in printed.out
        figures[suffix] = json.loads(out.read_text())
        assert (tmp_path / f'{suffix}.png').read_bytes()[:4] == b'\x89PNG'
    assert figures['npz'] == pytest.approx(figures['bin'])
    assert max(figures['npz'].values()) > 10


def test_proto_field_numbers_are_those_of_the_released_schema():
    """Bytes of the wire format, built by hand: an Object with score, frame and box."""
    box = b'\x09' + np.float64(3.5).tobytes() + b'\x21' + np.float64(1.8).tobytes()
    label = b'\x0a' + bytes([len(box)]) + box + b'\x18\x04' + b'\x28\x02' + b'\x38\x07'
    item = (b'\x0a' + bytes([len(label)]) + label + b'\x15' + np.float32(.25).tobytes()
            + b'\x22\x03abc' + b'\x28\x96\x01')
    message = objects_proto().FromString(b'\x0a' + bytes([len(item)]) + item).objects[0]
    assert (message.object.box.center_x, message.object.box.width) == (3.5, 1.8)
    assert (message.object.type, message.object.detection_difficulty_level,
            message.object.num_lidar_points_in_box) == (4, 2, 7)
    assert (message.score, message.context_name, message.frame_timestamp_micros) == (
        .25, 'abc', 150)


def rewrite(path, **changes):
    """Replace entries of a .npz file; None removes an entry."""
    with np.load(path) as archive:
        entries = {**archive, **changes}
    np.savez(path, **{key: value for key, value in entries.items() if value is not None})


@pytest.mark.parametrize('changes, message', [
    (dict(num_points=None), 'has no entry num_points; labels need segments, timestamps'),
    (dict(boxes=np.zeros((3, 7))), r'boxes has shape \(3, 7\), expected \(30, 7\)'),
    (dict(boxes=np.full((30, 7), np.nan)), 'boxes holds values that are not finite'),
    (dict(types=np.full(30, 'car')), 'types is no list of numbers')])
def test_error_names_the_invalid_entry(tmp_path, objects, changes, message):
    path = tmp_path / 'labels.npz'
    write_objects(path, objects[0])
    rewrite(path, **changes)
    with pytest.raises(InputError, match=f'labels.npz: {message}'):
        read_objects(path, detections=False)


@pytest.mark.parametrize('name, content, message', [
    ('a.npz', b'no archive', 'not a readable .npz file'),
    ('a.json', b'{', 'is no JSON'), ('a.json', b'[1]', 'expected an object of lists'),
    ('a.bin', b'\x0a\xff\xff', 'not a serialised Objects proto'),
    ('a.txt', b'', 'expected a file that ends with .npz, .json or .bin')])
def test_error_names_the_unreadable_file(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_objects(path, detections=True)
    with pytest.raises(InputError, match='no such file'):
        read_objects(tmp_path / 'b.npz', detections=True)


class Malicious:
    """Object that opens a file for writing when it is unpickled."""

    def __reduce__(self):
        return open, ('executed', 'w')


def test_reading_executes_no_code(tmp_path, monkeypatch, objects):
    monkeypatch.chdir(tmp_path)
    write_objects(tmp_path / 'labels.npz', objects[0])
    rewrite(tmp_path / 'labels.npz', types=np.array([Malicious()] * 30, dtype=object))
    (tmp_path / 'plain.npz').write_bytes(pickle.dumps(Malicious()))
    for name in ('labels.npz', 'plain.npz'):
        with pytest.raises(InputError, match='not a readable .npz file'):
            read_objects(tmp_path / name, detections=False)
    assert not (tmp_path / 'executed').exists()


def test_unknown_class_is_rejected_in_one_line(run_tool, tmp_path, objects):
    for name, kind in zip(('gt.npz', 'pred.npz'), objects):
        write_objects(tmp_path / name, kind)
    code, printed = run_tool('evaluate', 'waymo', '--gt', tmp_path / 'gt.npz', '--pred',
                             tmp_path / 'pred.npz', '--classes', 'Sign')
    assert code == 2 and 'Sign: no such class; there are Vehicle' in printed.err


def test_evaluation_of_8000_frames_takes_less_than_30_seconds():
    """8000 frames are a fifth of Waymo's validation set."""
    from mmdet3d_plugin.benchmarks.waymo.average_precision import evaluate_waymo
    rng = np.random.default_rng(0)
    labels = random_labels(rng, num_frames=8000, per_frame=10)
    detections = random_detections(rng, labels, copies=1)
    start = time.perf_counter()
    evaluate_waymo(labels, detections)
    assert time.perf_counter() - start < 30
