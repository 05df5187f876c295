"""Angles and rotations about the camera's y axis, against quarter turns."""
import numpy as np
import pytest

from mmdet3d_plugin.structures.angles import (
    heading_direction,
    observation_angle,
    rotate_about_y,
    rotation_about_y,
    wrap_angle,
    yaw_of_direction,
)

PI = np.pi
# Heading in the camera frame (x right, y down, z forward) by rotation_y.
QUARTER_TURNS = [(0., (1, 0, 0)), (PI / 2, (0, 0, -1)), (-PI / 2, (0, 0, 1)), (PI, (-1, 0, 0)),
                 (PI / 4, (.5 ** .5, 0, -.5 ** .5))]


@pytest.mark.parametrize('angle, expected', [
    (0., 0.), (PI, -PI), (-PI, -PI), (3 * PI / 2, -PI / 2), (-3 * PI / 2, PI / 2), (7 * PI, -PI)])
def test_wrap_angle(angle, expected):
    assert wrap_angle(angle) == pytest.approx(expected, abs=1e-12)
    np.testing.assert_allclose(wrap_angle(np.full((2, 3), angle)), expected, atol=1e-12)


@pytest.mark.parametrize('location, ray', [
    ((0., 1.5, 20.), 0.), ((10., 1.5, 10.), PI / 4), ((-10., 1.5, 10.), -PI / 4),
    ((10., 1.5, 0.), PI / 2)])
def test_observation_angle_is_rotation_y_minus_the_direction_of_the_ray(location, ray):
    found = observation_angle(np.array([0., 1.]), np.array([location, location]))
    np.testing.assert_allclose(found, [-ray, 1. - ray], atol=1e-12)


def test_observation_angle_is_wrapped():
    assert observation_angle(np.array(3.), np.array([-10., 0., 10.])) == pytest.approx(
        3. + PI / 4 - 2 * PI)


def test_observation_angle_ignores_columns_after_the_location():
    box = np.array([[10., 1.5, 10., 3.9, 1.5, 1.6, .7]])
    assert observation_angle(box[:, 6], box) == pytest.approx(.7 - PI / 4)


@pytest.mark.parametrize('angle, direction', QUARTER_TURNS)
def test_heading_direction_and_its_inverse(angle, direction):
    np.testing.assert_allclose(heading_direction(np.array(angle)), direction, atol=1e-12)
    assert yaw_of_direction(3 * np.array(direction)) == pytest.approx(angle)


def test_yaw_of_direction_ignores_y():
    assert yaw_of_direction(np.array([0., 5., -1.])) == pytest.approx(PI / 2)


def test_headings_of_many_objects_come_back():
    angles = np.linspace(-3, 3, 12).reshape(3, 4)
    directions = heading_direction(angles)
    assert directions.shape == (3, 4, 3)
    np.testing.assert_allclose(yaw_of_direction(directions), angles, atol=1e-12)


@pytest.mark.parametrize('angle, direction', QUARTER_TURNS)
def test_rotation_about_y_takes_x_to_the_heading(angle, direction):
    np.testing.assert_allclose(rotation_about_y(angle) @ [1, 0, 0], direction, atol=1e-12)
    np.testing.assert_allclose(rotation_about_y(angle) @ [0, 1, 0], [0, 1, 0])


def test_rotate_about_y_takes_z_to_x_in_a_quarter_turn():
    np.testing.assert_allclose(rotate_about_y(np.array(0.), np.array(2.), np.array(PI / 2)),
                               (2, 0), atol=1e-12)


def test_rotate_about_y_agrees_with_the_matrix():
    rng = np.random.default_rng(0)
    points, angles = rng.normal(size=(6, 3)), rng.uniform(-PI, PI, 6)
    x, z = rotate_about_y(points[:, 0], points[:, 2], angles)
    expected = [rotation_about_y(angle) @ point for angle, point in zip(angles, points)]
    np.testing.assert_allclose(np.stack([x, points[:, 1], z], axis=1), expected, atol=1e-12)


def test_rotate_about_y_broadcasts():
    x, z = rotate_about_y(np.ones((4, 8)), np.zeros((4, 8)), np.full((4, 1), PI / 2))
    assert x.shape == z.shape == (4, 8)
    np.testing.assert_allclose(z, -1)
