"""Corners of 3D boxes, against values worked out by hand."""
import numpy as np
import pytest

from mmdet3d_plugin.structures.angles import heading_direction
from mmdet3d_plugin.structures.boxes import corners_3d
from mmdet3d_plugin.structures.object_table import ObjectTable


def objects(*boxes):
    """Objects with (height, width, length, x, y, z, rotation_y)."""
    return ObjectTable.from_table(['Car'] * len(boxes),
                                  [[0, 0, 0, 0, 0, 9, 9, *box] for box in boxes])


def test_corners_at_rotation_0_lie_around_the_bottom_centre():
    # Length 4 along x, width 2 along z, height 1.5 upwards (to smaller y).
    corners = corners_3d(objects((1.5, 2., 4., 10., 1.5, 20., 0.)))
    np.testing.assert_allclose(corners, [[
        (12, 1.5, 21), (12, 1.5, 19), (8, 1.5, 19), (8, 1.5, 21),
        (12, 0, 21), (12, 0, 19), (8, 0, 19), (8, 0, 21)]])


def test_corners_after_a_quarter_turn():
    # The front points to -z: length 4 along z, width 2 along x. The left side is at +x.
    corners = corners_3d(objects((1.5, 2., 4., 10., 1.5, 20., np.pi / 2)))
    np.testing.assert_allclose(corners, [[
        (11, 1.5, 18), (9, 1.5, 18), (9, 1.5, 22), (11, 1.5, 22),
        (11, 0, 18), (9, 0, 18), (9, 0, 22), (11, 0, 22)]], atol=1e-12)


@pytest.mark.parametrize('rotation', [0., .3, np.pi / 2, -2.])
def test_front_face_lies_half_a_length_along_the_heading(rotation):
    location = np.array([3., 1., 15.])
    corners = corners_3d(objects((1.5, 2., 4., *location, rotation)))[0]
    front = corners[[0, 1, 5, 4]].mean(axis=0)
    np.testing.assert_allclose(
        front, location + [0, -.75, 0] + 2 * heading_direction(np.array(rotation)), atol=1e-12)


def test_each_object_has_its_own_size_place_and_rotation():
    first, second = (1.5, 2., 4., 10., 1.5, 20., .4), (1.8, .6, .8, -3., 1.6, 9., -1.2)
    np.testing.assert_array_equal(corners_3d(objects(first, second)), np.concatenate(
        [corners_3d(objects(first)), corners_3d(objects(second))]))


def test_corners_of_no_objects():
    assert corners_3d(ObjectTable.empty()).shape == (0, 8, 3)
