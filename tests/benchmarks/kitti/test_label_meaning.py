"""Check of the meaning of labels: each mistake is named, and correct labels have no findings."""
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_kitti import IMAGE_SIZE, P2, make_objects

from mmdet3d_plugin.benchmarks.kitti.label_projection import (
    projected_ious,
    projection_findings,
    stray_objects,
    visible_objects,
)
from mmdet3d_plugin.benchmarks.kitti.label_set import FrameFiles, LabelSet
from mmdet3d_plugin.benchmarks.kitti.label_values import missing_alphas, value_findings
from mmdet3d_plugin.benchmarks.kitti.labels import ObjectFile
from mmdet3d_plugin.structures.boxes import corners_3d
from mmdet3d_plugin.structures.cameras import projected_boxes
from mmdet3d_plugin.structures.object_table import ObjectTable

NAMES = ('Car', 'Car', 'Pedestrian', 'Cyclist', 'Van')
REGION = [-1, -1, -10, 5, 6, 70, 80, -1, -1, -1, -1000, -1000, -1000, -10]


def make_labels(frames=4, size=IMAGE_SIZE, camera=P2):
    """Labels of random objects inside the image, four per frame, after a DontCare region."""
    rng = np.random.default_rng(0)
    files = []
    for number in range(frames):
        rows = [(str(rng.choice(NAMES)), rng.uniform(-.4, .4) * depth, 1.65, depth,
                 rng.uniform(-3.1, 3.1)) for depth in rng.uniform(12, 40, 4)]
        objects = ObjectTable.concatenate([ObjectTable.from_table(['DontCare'], [REGION]),
                                           make_objects(rows, camera, size)])
        files.append(FrameFiles(Path(f'label_2/{number}.txt'), Path(f'calib/{number}.txt'),
                                ObjectFile(objects, np.arange(5) + 2, False), size, camera))
    return LabelSet.of_frames(files)


LABELS = make_labels()


def changed(labels=LABELS, **columns):
    """Labels with other columns: arrays, or functions of the old column."""
    old = labels.objects
    return replace(labels, objects=replace(old, **{
        name: value(getattr(old, name)) if callable(value) else value
        for name, value in columns.items()}))


def lines(labels):
    return [finding.line(labels)
            for finding in [*value_findings(labels), *projection_findings(labels)]]


def test_correct_labels_have_no_findings():
    assert len(LABELS) == 16 and 'DontCare' not in LABELS.objects.names
    assert LABELS.places[:5].tolist() == [f'label_2/0.txt:{n}' for n in (3, 4, 5, 6)] + [
        'label_2/1.txt:3']
    np.testing.assert_allclose(projected_ious(LABELS), 1)
    assert lines(LABELS) == []
    assert not stray_objects(LABELS) and not missing_alphas(LABELS)
    assert lines(LABELS[:0]) == []


def test_iou_of_a_box_that_is_worked_out_by_hand():
    """A cube of 2 m, from 9 m on, projects by f = 90 to 90 * 2 / 9 = 20 pixels."""
    camera = np.array([[90., 0, 50, 0], [0, 90, 50, 0], [0, 0, 1, 0]])
    row = [0, 0, 0, 40, 40, 60, 50, 2, 2, 2, 0, 1, 10, 0]
    files = FrameFiles(Path('a'), Path('b'), ObjectFile(
        ObjectTable.from_table(['Car'] * 2, [row, row[:12] + [-10, 0]]), np.arange(2), False),
        (100, 100), camera)
    np.testing.assert_allclose(projected_ious(LabelSet.of_frames([files])), [.5, 0])
    # An image of 100x50 cuts the projected box off, so that it equals the 2D box.
    files.size = (100, 50)
    np.testing.assert_allclose(projected_ious(LabelSet.of_frames([files])), [1, 0])


def lidar(xyz):
    return np.stack([xyz[:, 2], -xyz[:, 0], -xyz[:, 1]], axis=1)


def half_height(factor):
    return LABELS.objects.sizes_hwl[:, :1] * np.array([0, factor, 0])


@pytest.mark.parametrize('columns, message', [
    (dict(locations=lambda xyz: xyz * (1, 1, -1)), 'a negative depth; negate z'),
    (dict(locations=lambda xyz: xyz * (1, -1, 1)), 'locations with y up; negate y'),
    (dict(locations=lambda xyz: xyz * (1, -1, -1)), 'y up and z backward; negate y and z'),
    (dict(locations=lidar), 'locations in the LiDAR frame (x forward, y left, z up); transform'),
    # The LiDAR stands 0.8 m above the camera and 0.3 m behind it.
    (dict(locations=lambda xyz: lidar(xyz) + (.3, 0, -.8)), 'locations in the LiDAR frame'),
    (dict(locations=lambda xyz: xyz - half_height(.5)),
     'box centres in place of bottom centres; add half the height to y'),
    (dict(sizes_hwl=lambda hwl: hwl[:, [2, 1, 0]]), 'sizes in the order length, width, height;'),
    (dict(sizes_hwl=lambda hwl: hwl[:, [1, 2, 0]]), 'sizes in the order width, length, height;'),
    (dict(sizes_hwl=lambda hwl: hwl[:, [0, 2, 1]]), 'height, length, width (or rotation_y a quar'),
    (dict(rotations_y=lambda yaws: yaws + np.pi / 2), 'rotation_y a quarter turn off)'),
    (dict(locations=lambda xyz: lidar(xyz - half_height(.5)),
          sizes_hwl=lambda hwl: hwl[:, [2, 1, 0]], rotations_y=lambda yaws: -yaws - np.pi / 2),
     'bottom centres and rotation_y that turns the other way; transform them'),
    (dict(boxes_2d=lambda boxes: np.c_[boxes[:, :2] + 40, boxes[:, 2:] + 40]),
     'cropped or padded since; add 40.0 and 40.0 to the principal point'),
    (dict(locations=lambda xyz: xyz[::-1]), 'check that labels, calibration and image belong')])
def test_mistake_is_named(columns, message):
    labels = changed(**columns)
    line, = [line for line in lines(labels) if '2D box outside' not in line]
    assert message in line
    assert line.startswith('label_2/0.txt:') and 'with a 3D box away from its 2D box' in line


def test_number_and_place_of_wrong_labels():
    labels = changed(locations=lambda xyz: xyz - half_height(.5))
    line, = lines(labels)
    # A shift by half the height of a box of height h leaves h/2 of 3h/2, here nearly.
    assert line.startswith('label_2/0.txt:3: ') and '(16 of 16 objects)' in line
    assert '(median IoU of visible objects: 0.3' in line


@pytest.mark.parametrize('columns, expected', [
    (dict(rotations_y=np.degrees), '{name} with rotation_y {value} ({count} of 16 objects): it '
     'looks like degrees; write radians'),
    (dict(alphas=np.degrees), '{name} with alpha {value} ({count} of 16 objects): it looks like '
     'degrees; write radians'),
    (dict(truncations=np.full(16, 30.)), 'with truncation 30 (16 of 16 objects): it looks like '
     'percent'),
    (dict(truncations=np.arange(16.) % 3), 'with truncation 2 (5 of 16 objects): it looks like '
     "the levels of KITTI's tracking labels"),
    (dict(occlusions=np.full(16, 80)), 'with occlusion 80 (16 of 16 objects): it looks like '
     'percent or another scale'),
    (dict(sizes_hwl=lambda hwl: 100 * hwl, locations=lambda xyz: 100 * xyz),
     'it looks like centimetres or millimetres'),
    (dict(sizes_hwl=lambda hwl: -hwl), 'with a size that is not positive (16 of 16 objects)'),
    (dict(boxes_2d=lambda boxes: boxes[:, [2, 1, 0, 3]]), 'with a 2D box without area (16 of'),
    (dict(boxes_2d=lambda boxes: np.where([1, 1, 1, 0], boxes, 400.)),
     'with a 2D box outside the image of 1242x375 (16 of 16 objects)')])
def test_wrong_values_are_named(columns, expected):
    labels = changed(**columns)
    name = next(iter(columns))
    beyond = np.abs(getattr(labels.objects, name)) > 2 * np.pi
    if '{' in expected:
        first = beyond.argmax()
        expected = expected.format(name=labels.objects.names[first], count=beyond.sum(),
                                   value=f'{getattr(labels.objects, name)[first]:g}')
    found = lines(labels)
    assert expected in found[0]
    assert len([line for line in found if '3D box away' not in line]) == 1
    if name != 'boxes_2d':  # the values alone are wrong
        assert len(found) == 1


def test_other_mistakes_are_found_beside_degrees():
    """Vans along the camera: 90 degrees, read as radians, would be 117 degrees."""
    objects = make_objects([('Van', x, 1.65, 15., np.pi / 2) for x in (-4., 0., 4.)])
    objects.rotations_y[:] = 90.
    objects.locations[:] -= objects.sizes_hwl[:, :1] * (0, .5, 0)
    files = FrameFiles(Path('label_2/0.txt'), Path('calib/0.txt'),
                       ObjectFile(objects, np.arange(3) + 1, False), IMAGE_SIZE, P2)
    degrees, centres = lines(LabelSet.of_frames([files]))
    assert 'rotation_y 90 (3 of 3 objects): it looks like degrees' in degrees
    assert ': it looks like box centres in place of bottom centres; add half' in centres


def test_boxes_of_left_top_width_height():
    """Objects at the upper left have boxes wider and higher than their left and top."""
    camera = np.array([[1, 0, -580], [0, 1, -160], [0, 0, 1]]) @ P2
    labels = changed(make_labels(camera=camera), boxes_2d=lambda boxes: np.c_[
        boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    boxes = labels.objects.boxes_2d
    flat = (boxes[:, 2:] <= boxes[:, :2]).any(axis=1)
    assert 5 <= flat.sum() <= 11
    without_area, away = lines(labels)
    assert f'with a 2D box without area ({flat.sum()} of 16 objects)' in without_area
    assert '2D boxes as left, top, width, height; write left, top, right, bottom' in away


@pytest.mark.parametrize('x, y', [(.5, .5), (.6, .4), (1.5, 1.5)])
def test_calibration_of_an_image_of_another_size(x, y):
    scale = np.array([x, y, x, y])
    labels = replace(changed(boxes_2d=lambda boxes: boxes * scale),
                     image_sizes=LABELS.image_sizes * (x, y))
    line, = lines(labels)
    assert (f'it looks like a calibration of an image of another size, {1 / x:.2f} times as wide '
            f'and {1 / y:.2f} times as high; multiply the first row of the projection by {x:.3f} '
            f'and the second by {y:.3f}') in line


def test_single_stray_objects_are_notes():
    locations = LABELS.objects.locations.copy()
    locations[5] += (0, 0, 60)
    labels = changed(locations=locations)
    assert lines(labels) == []
    line, = [finding.line(labels) for finding in stray_objects(labels)]
    assert line.startswith('label_2/1.txt:4: ') and '(1 of 16 objects): look at' in line


def test_objects_behind_the_camera():
    """Two of 16 objects leave the median as it is."""
    locations = LABELS.objects.locations.copy()
    locations[[3, 9], 2] *= -1
    line, = lines(changed(locations=locations))
    assert line.startswith('label_2/0.txt:6: ')
    assert 'behind the camera (2 of 16 objects): z points forward' in line


def test_loose_2d_boxes_are_allowed():
    """Boxes that cover 0.85 of the width and the height have an IoU of 0.72."""
    boxes = LABELS.objects.boxes_2d
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    labels = changed(boxes_2d=np.c_[middle - .85 * half, middle + .85 * half])
    assert np.median(projected_ious(labels)) == pytest.approx(.7225)
    assert lines(labels) == []


def test_small_differences_are_allowed():
    """Boxes that are moved by 4 pixels would be explained by a cropped image."""
    labels = changed(boxes_2d=lambda boxes: boxes + 4)
    assert .76 < np.median(projected_ious(labels)) < .84
    assert lines(labels) == []


def test_the_simplest_explanation_is_named():
    """Boxes of equal width and length look the same with both swapped."""
    rows = [('Pedestrian', x, 1.65, 15., 0.) for x in (-3., 0., 3.)]
    objects = make_objects(rows)
    objects.sizes_hwl[:] = (1.8, .8, .8)
    files = FrameFiles(Path('label_2/0.txt'), Path('calib/0.txt'),
                       ObjectFile(objects, np.arange(3) + 1, False), IMAGE_SIZE, P2)
    objects.boxes_2d[:] = projected_boxes(corners_3d(objects), P2)
    objects.locations[:, 1] -= .9
    line, = lines(LabelSet.of_frames([files]))
    assert ': it looks like box centres in place of bottom centres; add half' in line


def test_one_object_is_enough():
    labels = changed(sizes_hwl=lambda hwl: hwl[:, [2, 1, 0]])[:1]
    line, = lines(labels)
    assert 'sizes in the order length, width, height' in line
    assert '(1 of 1 objects)' in line


def test_hidden_objects_count_only_without_others():
    labels = changed(occlusions=np.arange(16) % 2, truncations=np.repeat([0, .5], 8))
    assert visible_objects(labels).nonzero()[0].tolist() == [0, 2, 4, 6]
    hidden = labels[1::2]
    assert visible_objects(hidden).nonzero()[0].tolist() == [0, 1, 2, 3]
    assert visible_objects(labels[9::2]).all()
    unknown = replace(labels, cameras=np.full((16, 3, 4), np.nan))
    assert not visible_objects(unknown).any() and lines(unknown) == []


def test_labels_without_alpha_are_noted_and_are_no_degrees():
    labels = changed(alphas=np.where(np.arange(16) < 3, -10., 0.))
    assert lines(labels) == []
    line, = [finding.line(labels) for finding in missing_alphas(labels)]
    assert line.startswith('label_2/0.txt:3: ')
    assert 'with alpha -10 (3 of 16 objects): it has no observation angle, so AOS' in line
