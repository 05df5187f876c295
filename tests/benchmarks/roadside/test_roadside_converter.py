"""Conversion of DAIR-V2X-I and Rope3D from generated folders of their layouts."""
import json
import re

import cv2
import numpy as np
import pytest
from tiny_kitti import box_corners, project

from mmdet3d_plugin.benchmarks.kitti.calibration import (
    KittiCalibration,
    read_calibration,
    write_calibration,
)
from mmdet3d_plugin.benchmarks.kitti.labels import read_objects
from mmdet3d_plugin.benchmarks.roadside.rope3d import rope3d_frames
from mmdet3d_plugin.errors import InputError

K = np.array([[1000., 0, 480], [0, 1000., 270], [0, 0, 1]])
WIDTH, HEIGHT = 960, 540
PITCH = np.radians(12)
ABOVE_GROUND = 6.  # metres from the ground to the camera
# Level frame: x right, y down, z forward. The camera is this frame turned down by PITCH.
CAMERA_FROM_LEVEL = np.array([[1, 0, 0], [0, np.cos(PITCH), -np.sin(PITCH)],
                              [0, np.sin(PITCH), np.cos(PITCH)]])
# Virtual LiDAR at the camera: x forward, y left, z up.
LEVEL_FROM_LIDAR = np.array([[0., -1, 0], [0, 0, -1], [1, 0, 0]])
SIZE = (1.5, 1.8, 4.4)  # height, width, length
# Class, position (x, z) on the ground, rotation_y about the level y axis.
OBJECTS = [('car', (-3., 24.), .4), ('van', (4., 30.), -2.), ('car', (1., 40.), 1.5)]


def level_corners(place, yaw):
    return box_corners((place[0], ABOVE_GROUND, place[1]), SIZE, yaw)


def pixels(place, yaw):
    """Return the 2D box in the tilted camera."""
    points = project(level_corners(place, yaw) @ CAMERA_FROM_LEVEL.T,
                     np.hstack([K, np.zeros((3, 1))]))
    return [*points.min(0), *points.max(0)]


def write_image(path):
    """Write an image with a white disc at the bottom centre of the first object."""
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    (x, z), _ = OBJECTS[0][1:]
    u, v = project([CAMERA_FROM_LEVEL @ (x, ABOVE_GROUND, z)], np.hstack([K, np.zeros((3, 1))]))[0]
    cv2.circle(image, (round(u), round(v)), 9, (255, 255, 255), -1)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image)


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def write_dair(root):
    rotation = CAMERA_FROM_LEVEL @ LEVEL_FROM_LIDAR
    for name in ('000003', '000009'):
        write_image(root / f'image/{name}.jpg')
        write_json(root / f'calib/camera_intrinsic/{name}.json',
                   dict(cam_D=[0.] * 5, cam_K=K.ravel().tolist()))
        write_json(root / f'calib/virtuallidar_to_camera/{name}.json',
                   dict(rotation=rotation.tolist(), translation=[[0.], [0.], [0.]]))
        items = []
        for kind, (x, z), yaw in OBJECTS:
            box = pixels((x, z), yaw)
            items.append({
                'type': kind, 'occluded_state': 1, 'truncated_state': 0, 'alpha': 0,
                '2d_box': dict(zip(('xmin', 'ymin', 'xmax', 'ymax'), map(str, box))),
                '3d_dimensions': dict(zip('hwl', SIZE)),
                # Heading (cos, 0, -sin) of the level frame is (-sin, -cos, 0) in the LiDAR's.
                '3d_location': dict(x=z, y=-x, z=-ABOVE_GROUND + SIZE[0] / 2),
                'rotation': float(np.arctan2(-np.cos(yaw), -np.sin(yaw)))})
        items.append({**items[0], 'type': 'trafficcone',
                      '3d_dimensions': dict(h=0, w=0, l=0)})
        write_json(root / f'label/camera/{name}.json', items)
    write_json(root / 'single-infrastructure-split-data.json',
               dict(train=['000003', '000004'], val=['000009'], test=[]))


def write_rope3d(root):
    normal = CAMERA_FROM_LEVEL @ (0, -1, 0)
    for part, images in (('training', 'training-image_2a'), ('validation', 'validation-image_2')):
        write_image(root / images / f'{part}_1.jpg')
        write_calibration(root / part / f'calib/{part}_1.txt',
                          KittiCalibration(np.hstack([K, np.zeros((3, 1))])))
        lines = []
        for kind, (x, z), yaw in OBJECTS:
            location = CAMERA_FROM_LEVEL @ (x, ABOVE_GROUND, z)
            # The direction in the camera's xz plane whose projection is the heading.
            tilted = np.arctan2(np.sin(yaw) / np.cos(PITCH), np.cos(yaw))
            numbers = [0, 1, 0, *pixels((x, z), yaw), *SIZE, *location, tilted]
            lines.append(' '.join([kind, *map(str, numbers)]) + '\n')
        for folder, text in (('label_2', ''.join(lines)),
                             ('denorm', f'{normal[0]} {normal[1]} {normal[2]} 6.0')):
            (root / part / folder).mkdir()
            (root / part / folder / f'{part}_1.txt').write_text(text)


@pytest.mark.parametrize('write, name, train, val', [
    (write_dair, '000003', ['000003'], ['000009']),
    (write_rope3d, 'training_1', ['training_1'], ['validation_1'])])
def test_level_camera(run_tool, tmp_path, write, name, train, val):
    write(tmp_path / 'set')
    out = tmp_path / 'out'
    code, printed = run_tool('create_data', 'dair-v2x', '--root', tmp_path / 'set', '--out', out)
    assert code == 0, printed.out + printed.err
    assert printed.out.rstrip().endswith('out: no problems')
    assert (out / 'ImageSets/train.txt').read_text().split() == train
    assert (out / 'ImageSets/val.txt').read_text().split() == val
    P2 = read_calibration(out / f'training/calib/{name}.txt').P2
    np.testing.assert_allclose(P2[[0, 1], [0, 1]], 1000)
    labels = read_objects(out / f'training/label_2/{name}.txt')
    cars = labels[labels.names != 'DontCare']
    assert cars.names.tolist() == ['car', 'van', 'car'] and cars.occlusions.tolist() == [1, 1, 1]
    assert (len(labels) == 4) == (write is write_dair)
    np.testing.assert_allclose(cars.sizes_hwl, [SIZE] * 3)
    np.testing.assert_allclose(cars.locations, [[x, ABOVE_GROUND, z]
                                                for _, (x, z), _ in OBJECTS], atol=1e-3)
    np.testing.assert_allclose(cars.rotations_y, [yaw for *_, yaw in OBJECTS], atol=1e-3)
    for box, (_, place, yaw) in zip(cars.boxes_2d, OBJECTS):
        points = project(level_corners(place, yaw), P2)
        np.testing.assert_allclose(box, [*points.min(0), *points.max(0)], atol=.05)
    # The disc of the image moves with the camera.
    image = cv2.imread(str(out / f'training/image_2/{name}.jpg'))
    assert image.shape[1] >= WIDTH and 0 < P2[1, 2] < image.shape[0]
    v, u = np.argwhere(image[..., 0] > 128).mean(axis=0) + .5
    np.testing.assert_allclose([u, v], project([cars.locations[0]], P2)[0], atol=1.)


def test_tilted_camera(run_tool, tmp_path):
    write_dair(tmp_path / 'set')
    code, printed = run_tool('create_data', 'dair-v2x', '--root', tmp_path / 'set', '--out',
                             tmp_path / 'out', '--keep-tilt')
    assert code == 0, printed.out + printed.err
    assert (tmp_path / 'out/training/image_2/000009.jpg').read_bytes() == (
        tmp_path / 'set/image/000009.jpg').read_bytes()
    labels = read_objects(tmp_path / 'out/training/label_2/000009.txt')
    np.testing.assert_allclose(labels.locations[0],
                               CAMERA_FROM_LEVEL @ (-3, ABOVE_GROUND, 24), atol=1e-3)
    np.testing.assert_allclose(labels.boxes_2d[0], pixels((-3, 24), .4), atol=1e-3)
    np.testing.assert_allclose(read_calibration(tmp_path / 'out/training/calib/000009.txt').P2,
                               np.hstack([K, np.zeros((3, 1))]))


@pytest.mark.parametrize('file, change, message', [
    ('label/camera/000009.json', [7], 'object 0: type is None, expected a class name'),
    ('label/camera/000009.json', [{'type': 'car', 'occluded_state': 0}],
     'object 0: 2d_box: xmin is None, expected a finite number'),
    ('label/camera/000009.json', {}, 'is no list of objects'),
    ('calib/camera_intrinsic/000009.json', dict(cam_K=[1, 2]), r'cam_K is \[1, 2\], expected 9'),
    ('calib/virtuallidar_to_camera/000009.json',
     dict(rotation=(2 * np.eye(3)).tolist(), translation=[0, 0, 0]),
     'rotation is no rotation matrix'),
    ('calib/virtuallidar_to_camera/000009.json',
     dict(rotation=np.diag([1., -1, -1]).tolist(), translation=[0, 0, 0]),
     'tilted by 90 degrees against the ground, too much'),
    ('calib/camera_intrinsic/000009.json', dict(cam_K=[1.] * 9), 'no camera matrix'),
    ('single-infrastructure-split-data.json', dict(train=[]), 'has no list "val"'),
    ('single-infrastructure-split-data.json', dict(train=[], val=['7']),
     'none of the 0 frames of "train" has a label in .*label/camera; add labels'),
    ('image/000009.jpg', None, '000009.png: no such image')])
def test_broken_files(run_tool, tmp_path, file, change, message):
    write_dair(tmp_path / 'set')
    if change is None:
        (tmp_path / 'set' / file).unlink()
    else:
        write_json(tmp_path / 'set' / file, change)
    code, printed = run_tool('create_data', 'dair-v2x', '--root', tmp_path / 'set', '--out',
                             tmp_path / 'out')
    assert code == 2 and len(printed.err.strip().splitlines()) == 1
    assert re.search(message, printed.err), printed.err
    assert [path.name for path in tmp_path.iterdir()] == ['set']


def test_wrong_folder_and_plane(run_tool, tmp_path):
    command = ('create_data', 'dair-v2x', '--root', tmp_path / 'set', '--out', tmp_path / 'out')
    code, printed = run_tool(*command)
    assert code == 2 and 'label/camera: holds no labels; give the folder single' in printed.err
    write_rope3d(tmp_path / 'set')
    (tmp_path / 'set/validation/denorm/validation_1.txt').write_text('1 0 0 5')
    code, printed = run_tool(*command)
    assert code == 2 and 'validation_1.txt: does not start with the normal' in printed.err
    code, printed = run_tool(*command, '--split-data', tmp_path / 'splits.json')
    assert code == 2 and 'leave --split-data out' in printed.err


def test_two_images_of_a_frame(tmp_path):
    write_rope3d(tmp_path)
    write_image(tmp_path / 'training/image_2/training_1.PNG')
    with pytest.raises(InputError, match='training_1.PNG: a second image of this frame, besides '
                                         '.*training-image_2a/training_1.jpg'):
        list(rope3d_frames(tmp_path))


def test_translation_of_the_projection_moves_locations(tmp_path):
    write_rope3d(tmp_path)
    before = next(rope3d_frames(tmp_path))
    P2 = np.hstack([K, K @ [[.5], [-.2], [.01]]])
    write_calibration(tmp_path / 'training/calib/training_1.txt', KittiCalibration(P2))
    after = next(rope3d_frames(tmp_path))
    np.testing.assert_allclose(after.objects.locations - before.objects.locations,
                               [[.5, -.2, .01]] * 3, atol=1e-9)
    np.testing.assert_allclose(after.camera, K)
