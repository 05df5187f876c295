"""Projection, angles and image affines."""
import math

import numpy as np
import pytest
import torch

from mmdet3d_plugin.geometry import (
    affine_from_crop,
    alpha_to_yaw,
    apply_affine,
    image_to_camera,
    project_to_image,
    wrap_angle,
    yaw_to_alpha,
)
from mmdet3d_plugin.structures.cameras import flip_camera

P2 = np.array([[721.5377, 0., 609.5593, 44.85728], [0., 721.5377, 172.854, 0.2163791],
               [0., 0., 1., 0.002745884], [0., 0., 0., 1.]])


@pytest.fixture
def points():
    rng = np.random.default_rng(1)
    return rng.uniform([-20, -3, 2], [20, 3, 65], (50, 3))


def project(points, camera):
    uvw = np.c_[points, np.ones(len(points))] @ camera[:3].T
    return uvw[:, :2] / uvw[:, 2:]


def batch(camera, count):
    return torch.tensor(camera)[None].expand(count, -1, -1)


def test_projection_uses_the_full_camera_matrix(points):
    projected = project_to_image(torch.tensor(points), batch(P2, 50))
    np.testing.assert_allclose(projected, project(points, P2), atol=1e-9)


@pytest.mark.parametrize('camera', [P2, flip_camera(P2, 1242)])
def test_unprojection_inverts_projection(points, camera):
    uv = torch.tensor(project(points, camera))
    lifted = image_to_camera(uv, torch.tensor(points[:, 2]), batch(camera, 50))
    np.testing.assert_allclose(lifted, points, atol=1e-9)


def test_unprojection_of_several_points_per_object(points):
    uv = torch.tensor(project(points, P2)).view(25, 2, 2)
    lifted = image_to_camera(uv, torch.tensor(points[:, 2]).view(25, 2), batch(P2, 25))
    np.testing.assert_allclose(lifted.reshape(50, 3), points, atol=1e-9)


def test_flipped_camera_projects_mirrored_points_to_mirrored_pixels(points):
    mirrored_points = points * [-1, 1, 1]
    mirrored = project(mirrored_points, flip_camera(P2, 1242))
    original = project(points, P2)
    np.testing.assert_allclose(mirrored, np.c_[1242 - original[:, 0], original[:, 1]], atol=1e-9)


def test_flipping_the_camera_twice_is_the_identity():
    np.testing.assert_allclose(flip_camera(flip_camera(P2, 1242), 1242), P2, atol=1e-12)


def test_alpha_is_yaw_relative_to_the_viewing_ray():
    # The ray through u = c_u + f_u points 45 degrees to the right.
    camera = batch(P2, 1)
    u = torch.tensor([P2[0, 2] + P2[0, 0]])
    yaw = torch.tensor([1.0], dtype=torch.double)
    alpha = yaw_to_alpha(yaw, u, camera)
    assert alpha.item() == pytest.approx(1 - math.pi / 4)
    assert alpha_to_yaw(alpha, u, camera).item() == pytest.approx(1.0)


def test_wrap_angle():
    angles = np.array([0., math.pi, -math.pi, 3 * math.pi / 2, -7.])
    expected = [0., -math.pi, -math.pi, -math.pi / 2, -7 + 2 * math.pi]
    np.testing.assert_allclose(wrap_angle(angles), expected, atol=1e-12)


def test_affine_from_crop_fits_the_width_and_centres_the_crop():
    affine = affine_from_crop((600., 180.), 320., (640, 192))
    corners = apply_affine(np.array([[440., 132.], [760., 228.], [600., 180.]]), affine)
    np.testing.assert_allclose(corners, [[0, 0], [640, 192], [320, 96]], atol=1e-9)


def test_apply_affine_with_one_affine_per_object():
    affines = torch.tensor(np.stack([affine_from_crop((10., 5.), 20., (40, 20)), np.eye(3)]))
    points = torch.tensor([[[0., 0.], [10., 5.]], [[3., 4.], [5., 6.]]], dtype=torch.double)
    mapped = apply_affine(points, affines)
    expected = [[[0., 0.], [20., 10.]], [[3., 4.], [5., 6.]]]
    np.testing.assert_allclose(mapped, expected, atol=1e-9)
