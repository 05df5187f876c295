"""Annotation files: every value that the dataset or the metric uses is checked."""
import copy
import json

import pytest
from waymo_release import write_segment

from mmdet3d_plugin.benchmarks.waymo.annotations import frame_labels, read_annotations
from mmdet3d_plugin.benchmarks.waymo.converter import ConversionSettings, convert_segment
from mmdet3d_plugin.errors import InputError


@pytest.fixture(scope='module')
def content(tmp_path_factory):
    folder = tmp_path_factory.mktemp('waymo')
    write_segment(folder / 'release', 'training', 'a', num_frames=2)
    convert_segment(folder / 'release', folder / 'set', 'training', 'a', 0, ConversionSettings())
    return json.loads((folder / 'set/annotations/training/a.json').read_text())


def test_written_annotations_are_read_unchanged(tmp_path, content):
    path = tmp_path / 'a.json'
    for whole in (content, {**content, 'frames': []}):
        path.write_text(json.dumps(whole))
        assert read_annotations(path) == whole
    assert len(frame_labels(content, content['frames'][0])) == 4


MISSING = object()
FRAME, OBJECT = ('frames', 1), ('frames', 1, 'objects', 2)


@pytest.mark.parametrize('place, value, message', [
    *[((key, ), MISSING, f"KeyError: .*'{key}'") for key in (
        'settings', 'segment', 'split', 'rank', 'cam2img', 'size', 'optical_from_vehicle',
        'dropped', 'frames')],
    (('segment', ), 5, 'segment is no str'), (('rank', ), True, 'rank is no int'),
    (('frames', ), {}, 'frames is no list'), (('frames', 0), 3, 'not subscriptable'),
    (('dropped', ), dict(signs='9'), 'dropped is no int'),
    (('size', ), [192], 'size is no list of whole numbers'),
    (('size', ), [192.5, 128.5], 'size is no list of whole'), (('size', ), [0, 128], 'size'),
    (('cam2img', ), [[1.]], 'cam2img is no list'), (('cam2img', 0, 0), -200., 'no camera matrix'),
    (('cam2img', 1, 1), 0., 'no camera matrix'), (('cam2img', 2, 2), 0., 'no camera matrix'),
    (('cam2img', 0, 2), 1e7, 'cam2img is no list of numbers from -1e.06 to 1e.06'),
    (('optical_from_vehicle', 0, 0), 2., 'no rotation and translation'),
    (('optical_from_vehicle', 3), [0., 0., 0., 0.], 'no rotation and translation'),
    ((*FRAME, 'frame'), 1, 'frame is no str'), ((*FRAME, 'frame'), '000000', 'two frames of one'),
    ((*FRAME, 'timestamp'), 1.5, 'timestamp is no int'),
    ((*FRAME, 'timestamp'), -1, 'timestamp is no list'),
    ((*FRAME, 'timestamp'), 2 ** 64, 'timestamp is no list'),
    ((*FRAME, 'objects'), None, 'objects is no list'), ((*FRAME, 'listed'), 1, 'is no bool'),
    (OBJECT, 3, 'not subscriptable'), ((*OBJECT, 'type'), 'Car', 'unknown type Car'),
    ((*OBJECT, 'type'), ['Vehicle'], 'unhashable'),
    ((*OBJECT, 'box'), [1.] * 6, 'setting an array|box is no list'),
    ((*OBJECT, 'box', 3), -1., 'box has a side that is not positive'),
    ((*OBJECT, 'camera_box', 5), 0., 'camera_box has a side that is not positive'),
    ((*OBJECT, 'box', 0), '1.0', 'box is no list of numbers'),
    ((*OBJECT, 'box', 0), 1e300, 'box is no list of numbers'),
    ((*OBJECT, 'box', 0), 10 ** 400, 'box is no list|int too large'),
    ((*OBJECT, 'box', 0), None, 'box is no list'),
    ((*OBJECT, 'box_2d'), 3, 'box_2d|setting an array'),
    ((*OBJECT, 'box_2d'), [9, 0, 1, 5], 'box_2d has a negative side'),
    ((*OBJECT, 'num_points'), -1, 'num_points is no list of whole numbers from 0'),
    ((*OBJECT, 'num_points'), 1.5, 'num_points is no list'),
    ((*OBJECT, 'num_points'), 2 ** 40, 'num_points is no list'),
    ((*OBJECT, 'difficulty'), 3, 'difficulty is no list of whole numbers from 0 to 2')])
def test_malformed_values_are_refused(tmp_path, content, place, value, message):
    changed = copy.deepcopy(content)
    *outer, last = place
    entry = changed
    for key in outer:
        entry = entry[key]
    if value is MISSING:
        del entry[last]
    else:
        entry[last] = value
    path = tmp_path / 'a.json'
    path.write_text(json.dumps(changed))
    with pytest.raises(InputError, match=f'a.json: malformed annotations .*({message})') as raised:
        read_annotations(path)
    assert str(raised.value).isprintable() and len(str(raised.value)) < 600


@pytest.mark.parametrize('text, message', [
    ('[' * 100_000, 'is no JSON'), ('{"format": NaN}', 'is no JSON'), ('[]', 'not an annotation'),
    ('{}', 'not an annotation file of format 1'), ('{"format": 2}', 'not an annotation file'),
    ('\udcff', 'not a readable text file'), ('', 'is no JSON')])
def test_other_files_are_refused(tmp_path, text, message):
    path = tmp_path / 'a.json'
    path.write_bytes(text.encode(errors='surrogateescape'))
    with pytest.raises(InputError, match=f'a.json.*{message}'):
        read_annotations(path)
