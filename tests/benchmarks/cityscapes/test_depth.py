"""Cameras of Cityscapes, and depth from its disparities."""
import json

import numpy as np
import pytest
from tiny_cityscapes import BASELINE, FX, write_camera, write_cityscapes, write_png

from mmdet3d_plugin.benchmarks.cityscapes.depth import DisparityDepth, SnippetCameras, read_camera
from mmdet3d_plugin.benchmarks.cityscapes.files import CityscapesFrame
from mmdet3d_plugin.errors import InputError


@pytest.fixture
def camera_file(tmp_path):
    write_camera(tmp_path / 'camera.json', FX, (2048, 1024))
    return tmp_path / 'camera.json'


def test_camera_of_a_file(camera_file):
    camera = read_camera(camera_file)
    assert camera.baseline == BASELINE
    np.testing.assert_array_equal(camera.cam2img, [
        [2262.52, 0, 1096.98, 0], [0, 2265.3017, 513.137, 0], [0, 0, 1, 0], [0, 0, 0, 1]])


def changed(group, key, value):
    def change(content):
        content[group][key] = value
        return json.dumps(content)
    return change


@pytest.mark.parametrize('change, message', [
    (changed('intrinsic', 'fx', float('nan')), 'intrinsic.fx is nan, expected a positive number'),
    (changed('intrinsic', 'fy', float('inf')), 'intrinsic.fy is inf'),
    (changed('intrinsic', 'fx', 0), 'intrinsic.fx is 0'),
    (changed('intrinsic', 'v0', -3.), 'intrinsic.v0 is -3.0'),
    (changed('extrinsic', 'baseline', -.2), 'extrinsic.baseline is -0.2'),
    (changed('extrinsic', 'baseline', None), 'extrinsic.baseline is missing'),
    (changed('intrinsic', 'u0', '1096'), "intrinsic.u0 is '1096'"),
    (changed('intrinsic', 'u0', True), 'intrinsic.u0 is True'),
    (changed('intrinsic', 'u0', [1] * 100), 'intrinsic.u0 is .1, 1'),
    (changed('intrinsic', 'fx', 10**300), 'intrinsic.fx is 1000'),
    (lambda content: json.dumps(dict(intrinsic=content['intrinsic'])),
     'extrinsic.baseline is missing'),
    (lambda content: '[1, 2]', 'intrinsic.fx is missing'),
    (lambda content: '{"intrinsic": 3}', 'intrinsic.fx is missing'),
    (lambda content: '{"intrinsic":', 'not a readable JSON file'),
    (lambda content: '[' * 60000, 'not a readable JSON file'),
    (lambda content: '{"intrinsic": {"fx": ' + '9' * 5000 + '}}', 'not a readable JSON file'),
    (lambda content: json.dumps(content) + ' ' * 100000, 'has 97 kB, expected at most 64 kB')])
def test_broken_cameras(camera_file, change, message):
    camera_file.write_text(change(json.loads(camera_file.read_text())))
    with pytest.raises(InputError, match=f'camera.json: {message}') as error:
        read_camera(camera_file)
    assert '\n' not in str(error.value) and len(str(error.value)) < 400


def test_a_snippet_shares_the_camera_of_its_annotated_frame(tmp_path):
    """Bochum's snippets 3-6 and 60-63 have cameras of the frames 5 and 62."""
    cameras = SnippetCameras(write_cityscapes(tmp_path / 'set') / 'camera')
    frame = CityscapesFrame('train', 'bochum', 0, 3)
    assert [cameras[frame._replace(number=number)].fx * 8 for number in (3, 5, 6, 33)] == [
        FX + 1] * 4
    assert [cameras[frame._replace(number=number)].fx * 8 for number in (34, 60, 63, 91)] == [
        FX + 2] * 4
    assert cameras.owner(frame).number == 5
    assert cameras[CityscapesFrame('test', 'berlin', 1, 17)].fx * 8 == FX + 4
    for far in (frame._replace(number=92), frame._replace(sequence=1),
                frame._replace(city='ulm')):
        with pytest.raises(InputError, match=f'no camera of the snippet with frame {far.name}; '
                           'unpack the camera archive'):
            cameras[far]
    with pytest.raises(InputError, match='camera/val: no readable folder'):
        cameras[frame._replace(split='val')]


def test_depth_by_hand(tmp_path):
    """A disparity of 20 pixels is at 0.2 m * 2000 pixels / 20 pixels = 20 m."""
    stored = np.array([[0, 1, 2], [5121, 12801, 65535]], np.uint16)
    write_png(tmp_path / 'a_disparity.png', stored)
    reader = DisparityDepth(str(tmp_path / 'a_disparity.png'), 2000., .2)
    depth = reader.read_depth_map()
    assert depth.dtype == np.float32
    # Disparities: unknown, 0, 1/256, 20, 50 and 65534/256 pixels.
    np.testing.assert_allclose(depth, [[0, 0, 102400], [20, 8, 1.5625477]], rtol=1e-6)
    assert str(reader).endswith('a_disparity.png') and len({reader}) == 1


def test_broken_disparities(tmp_path):
    write_png(tmp_path / 'a.png', np.ones((2, 2), np.uint8))
    with pytest.raises(InputError, match='a.png: not a readable 16-bit depth image, it is of 8'):
        DisparityDepth(tmp_path / 'a.png', 2000., .2).read_depth_map()
