"""Projection and mirrored cameras, against values worked out by hand."""
import numpy as np
import pytest

from mmdet3d_plugin.structures.cameras import flip_camera, project, projected_boxes

# Focal lengths 100 and 200 pixels, principal point (50, 40), and a translation column.
P2 = np.array([[100., 0., 50., 20.], [0., 200., 40., -10.], [0., 0., 1., .5]])
WIDTH = 120
# A camera that is rotated and so mixes all coordinates.
ROTATED = np.array([[90., 10., 60., 20.], [-5., 200., 45., -10.], [.02, .05, 1., .5]])


def points(count=50):
    return np.random.default_rng(0).uniform([-20, -3, 2], [20, 3, 60], (count, 3))


def test_projection_divides_by_the_depth_plus_the_translation():
    # u = (100 * 2 + 50 * 9.5 + 20) / 10, v = (200 * 1 + 40 * 9.5 - 10) / 10.
    np.testing.assert_allclose(project(np.array([2., 1., 9.5]), P2), [69.5, 57.])


def test_projection_keeps_leading_dimensions():
    assert project(np.ones((2, 5, 3)), P2).shape == (2, 5, 2)


@pytest.mark.parametrize('rows', [3, 4])
def test_projected_boxes_span_the_corners(rows):
    cam2img = np.vstack([[[100., 0., 50., 0.], [0., 100., 40., 0.], [0., 0., 1., 0.]],
                         [[0., 0., 0., 1.]]])[:rows]
    # The near face at z = 5 spans u = 50 - 20 to 50 + 40 and v = 40 to 40 + 20.
    corners = np.array([[[x, y, z] for x in (-1, 2) for y in (0, 1) for z in (5., 10.)]])
    np.testing.assert_allclose(projected_boxes(corners, cam2img), [[30, 40, 90, 60]])


def test_corners_behind_the_camera_are_projected_at_the_near_depth():
    camera = np.array([[100., 0., 50., 0.], [0., 100., 40., 0.], [0., 0., 1., 0.]])
    corners = np.array([[[x, y, z] for x in (1, 2) for y in (0, 1) for z in (-5., 10.)]])
    # At z = 0.5, x = 2 is at 50 + 400 and y = 1 is at 40 + 200; x = 1, z = 10 is at 60.
    np.testing.assert_allclose(projected_boxes(corners, camera, near=.5), [[60, 40, 450, 240]])
    assert corners.min() == -5  # the argument is not changed


@pytest.mark.parametrize('camera', [P2, ROTATED])
def test_mirrored_points_are_seen_at_width_minus_u(camera):
    original = project(points(), camera)
    mirrored = project(points() * [-1, 1, 1], flip_camera(camera, WIDTH))
    np.testing.assert_allclose(mirrored[:, 0], WIDTH - original[:, 0], atol=1e-9)
    np.testing.assert_allclose(mirrored[:, 1], original[:, 1], atol=1e-9)


def test_mirrored_camera_has_the_mirrored_principal_point_and_translation():
    # width * (third row) - (first row), with the sign of the x column reversed.
    np.testing.assert_allclose(flip_camera(P2, WIDTH), [
        [100., 0., 70., 120 * .5 - 20.], [0., 200., 40., -10.], [0., 0., 1., .5]])


@pytest.mark.parametrize('rows', [3, 4])
def test_mirroring_twice_is_the_identity(rows):
    cam2img = np.vstack([P2, [0., 0., 0., 1.]])[:rows]
    twice = flip_camera(flip_camera(cam2img, WIDTH), WIDTH)
    np.testing.assert_allclose(twice, cam2img, atol=1e-12)
    assert twice.shape == (rows, 4) and twice.dtype == np.float64


def test_mirroring_does_not_change_its_argument():
    camera = P2.copy()
    flip_camera(camera, WIDTH)
    np.testing.assert_array_equal(camera, P2)
