"""3D boxes on the image and the panel of a frame, against corners computed by hand."""
import numpy as np
import pytest

from mmdet3d_plugin.structures.boxes import corners_3d
from mmdet3d_plugin.structures.cameras import project
from mmdet3d_plugin.structures.object_table import ObjectTable
from mmdet3d_plugin.visualization import (
    CLASS_COLORS,
    BirdsEyeView,
    draw_birds_eye_view,
    draw_boxes_3d,
    frame_panel,
)
from mmdet3d_plugin.visualization.boxes_on_image import (
    EDGES,
    clip_polygon,
    clip_segments,
    view_planes,
)
from mmdet3d_plugin.visualization.colors import to_bgr

P2 = np.array([[100., 0., 100., 0.], [0., 100., 50., 0.], [0., 0., 1., 0.]])
WIDTH, HEIGHT = 200, 100


def one_object(location, rotation=0., size_hwl=(1., 2., 4.), name='Car', score=None):
    row = [0, 0, 0, 0, 0, 10, 10, *size_hwl, *location, rotation]
    return ObjectTable.from_table([name], np.array([row + ([] if score is None else [score])]))


def black():
    return np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def changed_pixels(image):
    """(N, 2) x and y of all pixels that are not black."""
    rows, columns = np.nonzero(image.any(axis=-1))
    return np.column_stack([columns, rows])


def distance_to_segments(points, segments):
    """(N,) distances of (N, 2) points to the nearest of (S, 2, 2) segments."""
    start, end = segments[:, 0], segments[:, 1]
    along = end - start
    share = np.clip(((points[:, None] - start) * along).sum(-1) / (along ** 2).sum(-1), 0, 1)
    return np.linalg.norm(points[:, None] - start - share[..., None] * along, axis=-1).min(1)


def test_length_is_along_x_at_rotation_zero():
    corners = corners_3d(one_object((10., 2., 20.)))
    assert corners.shape == (1, 8, 3)
    np.testing.assert_allclose(corners[0], [
        (12, 2, 21), (12, 2, 19), (8, 2, 19), (8, 2, 21),
        (12, 1, 21), (12, 1, 19), (8, 1, 19), (8, 1, 21)])


def test_front_faces_the_camera_at_rotation_of_90_degrees():
    front = corners_3d(one_object((0., 0., 10.), np.pi / 2))[0, [0, 1, 5, 4]]
    np.testing.assert_allclose(front[:, 2], 8., atol=1e-12)  # 2 m nearer than the centre
    np.testing.assert_allclose(front[:, 0], [1, -1, -1, 1], atol=1e-12)


def test_projection_of_a_known_point():
    np.testing.assert_allclose(project(np.array([[2., 1., 10.]]), P2), [[120, 60]])


def test_segment_is_cut_at_the_near_plane():
    segment = np.array([[(0., 0., -1.9), (0., 0., 2.1)]])
    cut = clip_segments(segment, view_planes(P2, WIDTH, HEIGHT)[:1])
    np.testing.assert_allclose(cut, [[(0, 0, .1), (0, 0, 2.1)]])


def test_edges_of_a_box_around_the_camera_are_cut_near_the_image():
    corners = corners_3d(one_object((0.3, 1., 0.5), 0.4))[0]
    planes = view_planes(P2, WIDTH, HEIGHT)
    segments = clip_segments(corners[EDGES], planes)
    assert 0 < len(segments) < 12
    pixels = project(segments, P2)
    assert np.isfinite(pixels).all()
    assert (pixels > -51).all() and (pixels < [WIDTH + 51, HEIGHT + 51]).all()


def test_polygon_is_cut_at_the_near_plane():
    square = np.array([(-1., 0., -.9), (1., 0., -.9), (1., 0., 1.1), (-1., 0., 1.1)])
    cut = clip_polygon(square, view_planes(P2, WIDTH, HEIGHT)[:1])
    assert {tuple(np.round(point, 9)) for point in cut} == {
        (1, 0, .1), (1, 0, 1.1), (-1, 0, 1.1), (-1, 0, .1)}
    assert clip_polygon(square - [0, 0, 5], view_planes(P2, WIDTH, HEIGHT)).shape == (0, 3)


def test_only_pixels_on_the_edges_and_in_the_front_face_change():
    box = one_object((0., .5, 10.), 0.)  # the front face is at the right
    drawn = draw_boxes_3d(black(), box, P2, thickness=1)
    corners = project(corners_3d(box)[0], P2)
    distances = distance_to_segments(changed_pixels(drawn), corners[EDGES])
    front = corners[[0, 1, 5, 4]]
    inside_front = changed_pixels(drawn)[:, 0] >= front[:, 0].min() - 2
    assert distances[~inside_front].max() < 2
    for edge in corners[EDGES]:
        x, y = np.rint(edge.mean(axis=0)).astype(int)
        assert drawn[y - 1:y + 2, x - 1:x + 2].any(), 'an edge is missing'


def test_only_the_front_face_is_tinted():
    # The near face spans rows 6 to 56, the far face rows 21 to 54.
    towards, right, away = (
        draw_boxes_3d(black(), one_object((0., .5, 10.), rotation, (4., 4., 4.)), P2)[:, 100]
        for rotation in (np.pi / 2, 0., -np.pi / 2))
    assert towards[13].any() and towards[30].any()
    assert not right[13].any() and not right[30].any()
    assert not away[13].any() and away[30].any()


def test_color_of_the_class_or_given_color():
    box = one_object((0., .5, 7.), size_hwl=(4., 4., 4.), name='Cyclist')
    by_class, given = draw_boxes_3d(black(), box, P2), draw_boxes_3d(black(), box, P2, '#ff0000')
    assert (by_class == to_bgr(CLASS_COLORS['Cyclist'])).all(-1).any()
    assert (given == (0, 0, 255)).all(-1).any()


@pytest.mark.parametrize('objects', [
    one_object((0., 1., -10.)), one_object((100., 1., 10.)),
    one_object((0., .5, 10.), name='DontCare'), ObjectTable.empty()])
def test_invisible_objects_and_dont_care_regions_are_not_drawn(objects):
    assert not draw_boxes_3d(black(), objects, P2).any()


def test_scores_are_written_and_the_input_image_is_not_changed():
    image = black()
    plain = draw_boxes_3d(image, one_object((0., .5, 10.)), P2)
    scored = draw_boxes_3d(image, one_object((0., .5, 10.), score=.5), P2)
    assert not image.any()
    assert (plain != scored).any()


def test_panel_scales_boxes_with_the_image():
    panel = frame_panel(black(), P2, one_object((0., .5, 10.)), height=300)
    header = panel.shape[0] - 300
    camera = panel[header:, :3 * WIDTH]
    edge = project(corners_3d(one_object((0., .5, 10.)))[0, [2, 6]], P2).mean(axis=0) * 3
    x, y = np.rint(edge).astype(int)
    green = camera[y, x - 3:x + 4]
    assert (green[:, 1] > 150).any()
    assert panel.shape[1] > 3 * WIDTH


def test_birds_eye_view_of_panel_contains_all_objects():
    far = one_object((0., .5, 55.))
    above = frame_panel(black(), P2, far, height=HEIGHT)[-HEIGHT:, WIDTH:]
    view = BirdsEyeView.fitting(far.locations, HEIGHT, above.shape[1])
    assert view.depth == 60
    np.testing.assert_array_equal(above, draw_birds_eye_view(far, None, P2, WIDTH, view))


def test_panel_without_objects():
    assert frame_panel(black(), P2, title='nothing').shape == frame_panel(
        black(), P2, ObjectTable.empty(), ObjectTable.empty(with_scores=True)).shape
