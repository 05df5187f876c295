"""Data of frames in the report's page."""
import base64
import json

import numpy as np
import pytest

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.structures.object_table import ObjectTable
from mmdet3d_plugin.visualization.frame_entries import (
    MAX_CELLS,
    PREDICTED_DEPTH,
    TRUE_DEPTH,
    choose_frames,
    depth_grid,
    detection_entry,
    read_scene,
    scene_entry,
)

P2 = np.array([[700., 0., 32., 4.], [0., 700., 24., .5], [0., 0., 1., .01]])
IMAGE = np.full((48, 64, 3), 90, np.uint8)
ROW = [0, 0, 0, 100, 100, 200, 200, 1.5, 1.6, 4., .5, 1.7, 20., .25]


def decoded(entry, name):
    depth = entry['depth']
    units = np.frombuffer(base64.b64decode(depth['maps'][name]), '<u2')
    return units.reshape(depth['height'], depth['width']) / 256


def test_scene_holds_camera_and_depths():
    truth = np.zeros((48, 64))
    truth[4, 7] = 12.5
    entry = scene_entry('a', IMAGE, np.vstack([P2, [0, 0, 0, 1]]),
                        {TRUE_DEPTH: truth, PREDICTED_DEPTH: truth * 2})
    assert entry['camera'] == P2.ravel().tolist()
    assert (entry['width'], entry['height']) == (64, 48)
    assert decoded(entry, TRUE_DEPTH)[4, 7] == 12.5 and decoded(entry, TRUE_DEPTH).sum() == 12.5
    assert decoded(entry, PREDICTED_DEPTH)[4, 7] == 25.
    assert 'depth' not in scene_entry('a', IMAGE, P2)
    json.dumps(entry, allow_nan=False)


def test_grids_stay_small_and_take_known_depths():
    depth = np.zeros((375, 1242))
    depth[::2] = 7.
    depth[1, 1] = np.nan
    grid = depth_grid(depth)
    assert grid.size <= MAX_CELLS and (grid == 7).all()
    # 375 x 1242 pixels in cells of 6 x 6, the smallest that are at most 16000.
    assert grid.shape == (63, 207)
    assert depth_grid(np.array([[1., 9.], [2., 0.]]), 1).tolist() == [[2.]]
    assert depth_grid(np.zeros((2, 2)), 1).tolist() == [[0.]]


def test_predictions_refer_to_the_labels_of_the_entry():
    """The DontCare region is left out, so the second label becomes the first."""
    truth = ObjectTable.from_table(['DontCare', 'Car'], [ROW, ROW])
    truth.boxes_2d[0] += 500
    runs = [ObjectTable.from_table(['Car', 'Car'], [ROW + [.25], ROW + [.75]]),
            ObjectTable.from_table(['Car'], [ROW + [.5]])[:0]]
    entry = detection_entry({'name': 'a'}, truth, runs, ['Car'])
    label, = entry['truth']
    assert label == {'class': 'Car', 'box': [.5, 1.7, 20., 1.5, 1.6, 4., .25], 'counted': True,
                     'finders': [0, -1]}
    assert [(item['score'], item['outcome'], item['label']) for item in entry['runs'][0]] == [
        (.75, 'right', 0), (.25, 'false', -1)]
    assert entry['runs'][1] == [] and entry['name'] == 'a'


def test_at_most_a_hundred_predictions_are_kept():
    rows = [ROW + [score / 1000] for score in range(150)]
    run = ObjectTable.from_table(['Car'] * 150, rows)
    entry = detection_entry({}, ObjectTable.from_table(['Car'], [ROW]), [run], ['Car'])
    assert [item['score'] for item in entry['runs'][0]] == [
        score / 1000 for score in range(149, 49, -1)]


def test_worst_frames_and_a_spread_of_the_others():
    errors = [0, 3, 0, 0, 9, 0, 0, 0, 0, 0]
    # Of four frames, two are the worst (4, 1); the others are the first and last that remain.
    assert choose_frames(errors, 4) == [4, 1, 0, 9]
    assert choose_frames(errors, 3) == [4, 1, 0]
    assert choose_frames([1, 2], 10) == [1, 0] and choose_frames([1, 2], 0) == []
    assert choose_frames([], 5) == []


@pytest.fixture
def scene():
    return {**scene_entry('a', IMAGE, P2, {TRUE_DEPTH: np.full((48, 64), 7.)}), 'errors': [.1]}


def test_scenes_are_read_back(tmp_path, scene):
    (tmp_path / 'a.scene.json').write_text(json.dumps({**scene, 'other': 1}))
    assert read_scene(tmp_path / 'a.scene.json') == scene


@pytest.mark.parametrize('change, message', [
    (dict(name=3), 'is no frame'), (dict(image='javascript:1'), 'image is no JPEG'),
    (dict(image='data:image/jpeg;base64,"<'), 'image is no JPEG'),
    (dict(width=0), 'width or height'), (dict(height=10**9), 'width or height'),
    (dict(width=True), 'width or height'), (dict(camera=[1.] * 11), 'camera is not 12'),
    (dict(camera=[1.] * 11 + ['1']), 'camera is not 12'), (dict(errors=['x']), 'errors'),
    (dict(depth=None), 'no grid'), (dict(low=0.), 'no grid'), (dict(high=1.), 'no grid'),
    (dict(cells=10**6), 'no grid'), (dict(maps={}), 'no grid'), (dict(maps={'a': 'AAAA'}),
                                                                  'no grid'),
    (dict(maps={'a': 5}), 'no grid')])
def test_other_content_is_refused(tmp_path, scene, change, message):
    inner = {'cells': 'width', 'low': 'low', 'high': 'high', 'maps': 'maps'}
    for key, value in change.items():
        if key in inner:
            scene['depth'][inner[key]] = value
        else:
            scene[key] = value
    path = tmp_path / 'a.scene.json'
    path.write_text(json.dumps(scene))
    with pytest.raises(InputError, match=f'a.scene.json: .*{message}.*; run tools/test.py again'):
        read_scene(path)


def test_files_that_are_no_scene_are_refused(tmp_path):
    path = tmp_path / 'a.scene.json'
    for content in ('[]', '{', '"a"', '{"name": NaN}'):
        path.write_text(content)
        with pytest.raises(InputError, match='a.scene.json'):
            read_scene(path)
