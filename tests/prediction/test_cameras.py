"""Cameras of pictures: matrices, files, fields of view, lens distortion."""
import json

import cv2
import numpy as np
import pytest

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.prediction.cameras import Camera, CameraSource, read_camera

K = np.array([[500., 0., 330.], [0., 510., 235.], [0., 0., 1.]])
IMAGE = np.zeros((480, 640, 3), np.uint8)
ROS = """
image_width: 640
image_height: 480
camera_name: front
camera_matrix: {rows: 3, cols: 3, data: [500, 0, 330, 0, 510, 235, 0, 0, 1]}
distortion_model: MODEL
distortion_coefficients: {rows: 1, cols: COUNT, data: COEFFICIENTS}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: PROJECTION}
"""


def ros(model='plumb_bob', coefficients=(0., 0., 0., 0., 0.),
        projection=(480., 0., 325., 0., 0., 490., 236., 0., 0., 0., 1., 0.)):
    return (ROS.replace('MODEL', model).replace('COUNT', str(len(coefficients)))
            .replace('COEFFICIENTS', str(list(coefficients)))
            .replace('PROJECTION', str(list(projection))))


def written(tmp_path, text, name='camera.yaml'):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize('matrix', [K, np.column_stack([K, [45., .2, .003]]).tolist()])
def test_matrices(matrix):
    camera, picture = CameraSource(matrix).view(IMAGE, 'a')
    assert camera.P2.shape == (3, 4) and picture is IMAGE
    np.testing.assert_array_equal(camera.P2[:, :np.shape(matrix)[1]], matrix)
    assert camera.cam2img[3].tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize('options, focal', [
    (dict(fov=90.), 320.), (dict(fov=60.), 320 * np.sqrt(3)), (dict(focal=700), 700.),
    (dict(focal='auto'), 512.)])
def test_focal_lengths_without_a_matrix(options, focal):
    source = CameraSource(**options)
    camera, _ = source.view(IMAGE, 'a')
    np.testing.assert_allclose(camera.P2, [[focal, 0, 320, 0], [0, focal, 240, 0], [0, 0, 1, 0]])
    assert source.is_guess == (options.get('focal') == 'auto')


def test_auto_uses_the_longer_side():
    portrait = np.zeros((1000, 500, 3), np.uint8)
    assert CameraSource(focal='auto').view(portrait, 'a')[0].focal_length == 800


@pytest.mark.parametrize('options, message', [
    ({}, r'no camera given: give it as camera= .*, focal= .*or fov= .*focal="auto" guesses'),
    (dict(focal=700, fov=90), 'several cameras given'),
    (dict(fov=180), 'fov=180: expected degrees between 0 and 180'),
    (dict(focal=-1), 'focal=-1: expected a positive number of pixels or "auto"'),
    (dict(focal=True), 'focal=True'), (dict(focal='700'), "focal='700'"),
    (dict(camera=np.eye(2)), 'camera: is no camera matrix; give 3x3 or 3x4'),
    (dict(camera='nothing.yaml'), 'nothing.yaml: no such file'),
    (dict(camera=-K), 'positive focal lengths'), (dict(camera=K * 1e5), 'is no camera matrix'),
    (dict(camera=np.where(K == 500, np.nan, K)), 'is no camera matrix'),
    (dict(fov=90, distortion=[0, 0, 0, 0]), 'distortion: needs the camera matrix'),
    (dict(camera=[[int('9' * 400), 0, 0]] * 3), 'camera: is no camera matrix'),
    (dict(camera=K, distortion=['a']), r"distortion: \['a'\] is no list of distortion coeff"),
    (dict(camera=K, distortion=[0, 0]), 'distortion: has 2 distortion coefficients')])
def test_bad_cameras(options, message):
    with pytest.raises(InputError, match=message):
        CameraSource(**options)


def test_kitti_files(tmp_path):
    rows = {name: [index + 700., 0, 600, 4, 0, index + 700., 170, .2, 0, 0, 1, .003]
            for index, name in enumerate(('P0', 'P2', 'P_rect_02'))}

    def text(*names):
        return ''.join(f'{name}: {" ".join(map(str, rows[name]))}\n' for name in names)

    path = written(tmp_path, text('P0', 'P2'), 'calib.txt')
    assert read_camera(path).P2.ravel().tolist() == rows['P2']
    path = written(tmp_path, 'calib_time: 09-Jan-2012\n' + text('P_rect_02'), 'raw.txt')
    assert read_camera(path).focal_length == 702


def test_matrix_as_text(tmp_path):
    path = written(tmp_path, '500, 0, 330\n0 510 235\n0 0 1', 'K.txt')
    np.testing.assert_array_equal(read_camera(path).P2[:, :3], K)


def test_opencv_file(tmp_path):
    path = str(tmp_path / 'camera.yml')
    storage = cv2.FileStorage(path, cv2.FILE_STORAGE_WRITE)
    storage.write('image_width', 640)
    storage.write('image_height', 480)
    storage.write('camera_matrix', K)
    storage.write('distortion_coefficients', np.array([[-.3, .1, 0., 0., 0.]]))
    storage.release()
    camera = read_camera(path)
    assert camera.size == (640, 480)
    np.testing.assert_array_equal(camera.lens.matrix, K)
    assert camera.lens.coefficients.tolist() == [-.3, .1, 0, 0, 0] and not camera.lens.fisheye


def test_ros_file_without_distortion_keeps_the_camera_matrix(tmp_path):
    camera = read_camera(written(tmp_path, ros()))
    assert camera.lens is None and camera.size == (640, 480)
    np.testing.assert_array_equal(camera.P2[:, :3], K)


def test_ros_message(tmp_path):
    text = 'width: 640\nheight: 480\nk: [500., 0, 330, 0, 510, 235, 0, 0, 1]\nd: []\n'
    camera = read_camera(written(tmp_path, text))
    np.testing.assert_array_equal(camera.P2[:, :3], K)


def test_output_of_rostopic(tmp_path):
    """An empty document follows the message, and 1e-05 is a string in YAML 1.1."""
    text = ('---\nwidth: 640\nheight: 480\ndistortion_model: plumb_bob\n'
            'K: [500.0, 0.0, 330.0, 0.0, 510.0, 235.0, 0.0, 0.0, 1.0]\n'
            'D: [-0.3, 1e-05, 0.0, -2E-3, 0.0]\n---\n')
    camera = read_camera(written(tmp_path, text))
    np.testing.assert_array_equal(camera.P2[:, :3], K)
    assert camera.lens.coefficients.tolist() == [-.3, .00001, 0, -.002, 0]


HUGE = '9' * 400


@pytest.mark.parametrize('text, message', [
    (f'K: [{HUGE}, 0, 330, 0, 510, 235, 0, 0, 1]', 'K is no list of numbers'),
    ('K: [nan, 0, 330, 0, 510, 235, 0, 0, 1]', 'K is no list of numbers'),
    ('a: 1', 'has no camera_matrix'), ('- 1\n- a', 'neither a calibration of KITTI'),
    ('1 2 3', 'holds 3 numbers, expected the 9 or 12'), ('a: [', 'neither a calibration'),
    ('camera_matrix: {data: [a, b]}', 'camera_matrix is no list of numbers'),
    ('camera_matrix: {data: [1, 2]}', 'is no camera matrix'),
    ('image_width: big\ncamera_matrix: {data: [5, 0, 3, 0, 5, 2, 0, 0, 1]}',
     'the size of the image is no positive integer'),
    (ros('thin_prism', [.1] * 5), "distortion_model 'thin_prism' is unknown"),
    (ros('equidistant', [.1] * 5), 'has 5 distortion coefficients, expected 4'),
    # Ten levels of aliases would be 10 billion items.
    ('a0: &a0 [1, 1]\n' + ''.join(f'a{i}: &a{i} [{", ".join([f"*a{i - 1}"] * 10)}]\n'
                                  for i in range(1, 11))
     + 'distortion_model: *a10\ncamera_matrix: *a10', 'is no list of numbers'),
    ('!!python/object/apply:os.system ["touch planted"]', 'neither a calibration')])
def test_bad_files(tmp_path, text, message):
    with pytest.raises(InputError, match=f'camera.yaml: .*{message}'):
        read_camera(written(tmp_path, text))


def test_pictures_of_another_resolution():
    source = CameraSource(Camera(np.column_stack([K, np.zeros(3)]), (640, 480)))
    camera, _ = source.view(IMAGE[::2, ::2], 'half')
    np.testing.assert_allclose(camera.P2[:2, :3], K[:2] / 2)
    with pytest.raises(InputError, match='wide: has 640x240 pixels, but the camera was '
                       'calibrated with 640x480'):
        source.view(IMAGE[::2], 'wide')
    with pytest.raises(InputError, match=r'small: the principal point of the camera \(330, 235\) '
                       'lies outside of this image of 320x240'):
        CameraSource(K).view(IMAGE[::2, ::2], 'small')


def test_projection_of_pictures_of_another_resolution(tmp_path):
    projection = (480., 0., 325., -40., 0., 490., 236., .8, 0., 0., 1., .003)
    path = written(tmp_path, ros(coefficients=(-.1, 0., 0., 0., 0.), projection=projection))
    dotted = IMAGE.copy()
    dotted[225:245, 320:340] = 255  # around the principal point of the lens
    camera, straight = CameraSource(path).view(dotted[::2, ::2], 'half')
    np.testing.assert_allclose(camera.P2, [
        [240, 0, 162.5, -20], [0, 245, 118, .4], [0, 0, 1, .003]])
    rows, columns = np.nonzero(straight[..., 0] > 128)
    assert abs(rows.mean() - 118) < 1 and abs(columns.mean() - 162.5) < 1


def test_offset_of_a_camera_with_distortion():
    """The fourth column is the offset of the camera in metres, times the new matrix."""
    matrix = np.column_stack([K, K @ [.06, -.002, .003]])
    camera, _ = CameraSource(matrix, distortion=[-.3, .1, 0, 0, 0]).view(IMAGE, 'a')
    assert abs(camera.P2[0, 0] - 500) > 5
    np.testing.assert_allclose(camera.P2[:, 3], camera.P2[:, :3] @ [.06, -.002, .003])


def test_plain_values_of_equal_cameras(tmp_path):
    path = written(tmp_path, ros(coefficients=(-.1, 0., 0., 0., 0.)))
    first = CameraSource(path).to_dict()
    assert first == CameraSource(path).to_dict() == json.loads(json.dumps(first), object_hook=(
        lambda entries: {**entries, 'size': tuple(entries['size'])} if 'size' in entries
        else entries))
    written(tmp_path, ros(coefficients=(-.2, 0., 0., 0., 0.)))
    assert CameraSource(path).to_dict() != first
    assert CameraSource(focal=7.).to_dict() == dict(focal=7.)


def distorted(points, coefficients, fisheye):
    """Return the pixels at which a lens shows (N, 3) points, written out from its definition."""
    x, y = points[:, 0] / points[:, 2], points[:, 1] / points[:, 2]
    r = np.hypot(x, y)
    if fisheye:
        theta = np.arctan(r)
        powers = sum(k * theta ** (2 * i + 2) for i, k in enumerate(coefficients))
        factor = theta * (1 + powers) / r
    else:
        factor = 1 + coefficients[0] * r ** 2 + coefficients[1] * r ** 4
    return np.column_stack([K[0, 0] * x * factor + K[0, 2], K[1, 1] * y * factor + K[1, 2]])


@pytest.mark.parametrize('fisheye', [False, True])
@pytest.mark.parametrize('projected', [False, True])
def test_distortion_is_removed(tmp_path, fisheye, projected):
    """A dot that the lens shifts is afterwards where the new camera projects it."""
    coefficients = [-.05, .01, 0., 0.] if fisheye else [-.3, .1, 0., 0., 0.]
    projection = ((400., 0., 325., 0., 0., 410., 236., 0., 0., 0., 1., 0.) if projected
                  else (0., ) * 12)
    path = written(tmp_path, ros('equidistant' if fisheye else 'plumb_bob', coefficients,
                                 projection))
    points = np.array([[2., 1., 5.], [-2.2, -1.3, 5.], [.4, -1., 5.]])
    image = IMAGE.copy()
    before = distorted(points, coefficients, fisheye)
    for u, v in before:
        cv2.circle(image, (round(16 * u), round(16 * v)), 16 * 4, (255, 255, 255), -1,
                   cv2.LINE_AA, 4)
    camera, straight = CameraSource(path).view(image, 'a')
    if projected:
        assert camera.P2.ravel().tolist() == list(projection)
    moved = 0.
    for point, old in zip(points, before):
        u, v = (camera.P2[:, :3] @ point)[:2] / point[2]
        rows, columns = np.mgrid[round(v) - 8:round(v) + 9, round(u) - 8:round(u) + 9]
        weights = straight[rows, columns, 0].astype(float)
        assert np.hypot((weights * columns).sum() / weights.sum() - u,
                        (weights * rows).sum() / weights.sum() - v) < .6
        moved = max(moved, np.hypot(*(old - (K @ point)[:2] / point[2])))
    assert moved > 8  # pixels


def test_coefficients_beside_a_matrix():
    source = CameraSource(K, distortion=[-.3, .1, 0, 0, 0])
    camera, straight = source.view(np.full_like(IMAGE, 200), 'a')
    assert (straight > 150).all()  # no black border
    assert camera.focal_length != 500
