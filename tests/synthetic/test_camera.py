"""Projection and rays of the synthetic camera."""
import numpy as np
import pytest

from mmdet3d_plugin.synthetic import kitti_camera
from mmdet3d_plugin.synthetic.mesh import box
from mmdet3d_plugin.synthetic.render import RayCaster


def test_camera_of_full_size_is_kittis_camera():
    P2 = kitti_camera().P2
    assert P2[0] == pytest.approx([721.5377, 0, 609.5593, 44.85728])
    assert P2[2, 3] == pytest.approx(.002745884)


def test_projection_scales_with_the_image_size():
    camera = kitti_camera(621, 125)
    point = np.array([[2., 1., 20.]])
    assert camera.project(point) == pytest.approx(kitti_camera().project(point) / [[2., 3.]])


def test_rays_are_the_inverse_of_the_projection():
    """Points along a ray project to the middle of its pixel, with the translation of P2."""
    camera = kitti_camera()
    for row, column in ((0, 0), (100, 900), (374, 1241)):
        ray = camera.directions[row, column].astype(float)
        for distance in (3., 50.):
            pixel = camera.project((camera.centre + distance * ray)[None])
            assert pixel[0] == pytest.approx([column + .5, row + .5], abs=1e-3)


def test_ray_caster_finds_first_hits_and_occlusion():
    caster = RayCaster(box((-1, -1, 4), (1, 1, 6), (1, 1, 1)))
    rays = np.array([[0, 0, 1], [.2, 0, 1], [.3, 0, 1]], dtype=np.float32)
    assert (caster.first_hits(np.zeros(3), rays) >= 0).tolist() == [True, True, False]
    starts = np.array([[0, 0, 0], [0, 0, 7], [2, 0, 0]], dtype=np.float32)
    assert caster.any_hit(starts, np.array([0., 0, 1])).tolist() == [True, False, False]
