"""Lines, planes and points of a 3D scene."""
import numpy as np
from tiny_kitti import P2, box_corners, make_objects, project

from mmdet3d_plugin.visualization.scene_arrays import (
    box_segments,
    depth_points,
    image_plane,
    line_points,
    unprojected,
)


def test_box_edges_have_the_sizes_of_the_box():
    """A car of 1.5 x 1.6 x 3.9 m has four edges of each length."""
    objects = make_objects([('Car', 2., 1.6, 15., .7), ('Van', -3., 1.7, 30., 2.)])
    segments, colors = box_segments(objects)
    assert segments.shape == colors.shape == (26, 2, 3)
    lengths = np.linalg.norm(segments[:12, 1] - segments[:12, 0], axis=1)
    np.testing.assert_allclose(np.sort(lengths), [1.5] * 4 + [1.6] * 4 + [3.9] * 4, atol=1e-9)
    corners = box_corners((2., 1.6, 15.), (1.5, 1.6, 3.9), .7)
    distances = np.linalg.norm(segments[:12].reshape(-1, 1, 3) - corners, axis=2).min(axis=1)
    np.testing.assert_allclose(distances, 0, atol=1e-9)
    assert colors[0, 0].tolist() == [255, 154, 31] and colors[13, 0].tolist() == [185, 167, 255]
    assert box_segments(objects[:0])[0].shape == (0, 2, 3)


def test_heading_lines_start_at_the_box_and_point_forward():
    segments, _ = box_segments(make_objects([('Car', 2., 1.6, 15., np.pi / 2)]))
    # A yaw of 90 degrees points towards the camera.
    np.testing.assert_allclose(segments[12], [(2., 1.6, 15.), (2., 1.6, 13.05)], atol=1e-9)


def test_points_on_lines_are_even_and_dense():
    segments = np.array([[(0., 0., 5.), (0., 0., 6.)], [(1., 2., 3.), (1., 2., 3.)],
                         [(3., 0., 0.), (0., 4., 0.)]])
    colors = np.array([[(1, 2, 3)] * 2, [(4, 5, 6)] * 2, [(7, 8, 9)] * 2], np.uint8)
    points, point_colors = line_points(segments, colors, .4)
    # 1 m: 3 steps of at most 0.4 m; 0 m: the end points; 5 m: 13 steps.
    assert len(points) == 4 + 2 + 14
    np.testing.assert_allclose(points[:4, 2], [5., 5 + 1 / 3, 5 + 2 / 3, 6.])
    np.testing.assert_allclose(points[4:6], [(1., 2., 3.)] * 2)
    np.testing.assert_allclose(points[[6, 7, 19]], [(3, 0, 0), (3 - 3 / 13, 4 / 13, 0), (0, 4, 0)],
                               atol=1e-12)
    assert point_colors[[0, 3, 4, 5, 6, 19]].tolist() == [[1, 2, 3]] * 2 + [[4, 5, 6]] * 2 + [
        [7, 8, 9]] * 2
    assert point_colors.dtype == np.uint8


def test_points_on_lines_are_limited():
    segments = np.array([[(0., 0., 0.), (1e9, 0., 0.)]])
    points, _ = line_points(segments, np.zeros((1, 2, 3), np.uint8), .05)
    assert len(points) == 1001 and points[-1, 0] == 1e9
    points, colors = line_points(segments[:0], np.zeros((0, 2, 3), np.uint8), .05)
    assert points.shape == colors.shape == (0, 3)


def test_unprojected_points_project_back():
    pixels = np.array([(0., 0.), (1242., 375.), (300., 20.)])
    points = unprojected(pixels, np.array([4., 20., 60.]), P2)
    assert points[:, 2].tolist() == [4., 20., 60.]
    np.testing.assert_allclose(project(points), pixels, atol=1e-9)


def test_image_plane_shows_the_whole_image():
    corners, lines = image_plane((1242, 375), 4., P2)
    np.testing.assert_allclose(project(corners), [(0, 0), (1242, 0), (1242, 375), (0, 375)],
                               atol=1e-9)
    assert lines.shape == (8, 2, 3)
    # The rays start at the centre of the camera, which has no projection.
    np.testing.assert_allclose(P2 @ [*lines[0, 0], 1], 0, atol=1e-9)
    np.testing.assert_allclose(lines[:4, 1], corners)


def test_depth_points_have_the_colors_of_the_image():
    depth = np.zeros((375, 1242))
    depth[100, 200] = 10.
    image = np.zeros((375, 1242, 3), np.uint8)
    image[100, 200] = 10, 20, 30
    points, colors = depth_points(depth, image, P2, max_points=depth.size)
    np.testing.assert_allclose(project(points), [(200.5, 100.5)])
    assert points[0, 2] == 10. and colors.tolist() == [[30, 20, 10]]
    assert len(depth_points(np.zeros((4, 4)), image[:4, :4], P2)[0]) == 0
