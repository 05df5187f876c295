"""Positions, scale and colours of the bird's-eye view."""
import numpy as np

from mmdet3d_plugin.structures.object_table import ObjectTable
from mmdet3d_plugin.visualization import (
    CLASS_COLORS,
    GROUND_TRUTH_COLOR,
    BirdsEyeView,
    draw_birds_eye_view,
)
from mmdet3d_plugin.visualization.colors import to_bgr

P2 = np.array([[700., 0., 600., 0.], [0., 700., 180., 0.], [0., 0., 1., 0.]])
VIEW = BirdsEyeView(depth=70., half_width=25., pixels_per_metre=10.)


def car(x, z, rotation=0., score=None):
    row = [0, 0, 0, 0, 0, 9, 9, 1.5, 2., 4., x, 1.6, z, rotation]
    return ObjectTable.from_table(['Car'], np.array([row + ([] if score is None else [score])]))


def drawn_in(image, color):
    """Pixels (x, y) of exactly this colour."""
    rows, columns = np.nonzero((image == to_bgr(color)).all(axis=-1))
    return np.column_stack([columns, rows])


def test_pixels_of_known_points():
    # 25 m + 5 m from the left edge, 70 m - 20 m from the top, at 10 pixels per metre.
    np.testing.assert_allclose(VIEW.to_pixels(np.array([(5., 20.), (0., 0.)])),
                               [(300, 500), (250, 700)])
    assert VIEW.image_size == (720, 500)


def test_ground_truth_is_drawn_at_its_location():
    image = draw_birds_eye_view(car(5., 20.), None, P2, 1200, VIEW)
    x, y = drawn_in(image, GROUND_TRUTH_COLOR).T
    # 4 m along x and 2 m along z around (300, 500). The heading line is 1 m longer.
    assert abs(x.min() - 280) <= 2 and abs(x.max() - 330) <= 2
    assert abs(y.min() - 490) <= 2 and abs(y.max() - 510) <= 2


def test_heading_points_up_at_rotation_of_minus_90_degrees():
    image = draw_birds_eye_view(None, car(0., 30., -np.pi / 2, score=.9), P2, 1200, VIEW)
    x, y = drawn_in(image, CLASS_COLORS['Car']).T
    assert abs(y.min() - 370) <= 2  # 2 m to the front face, 1 m of the heading line
    assert abs(y.max() - 420) <= 2
    assert abs(x.max() - 260) <= 2


def test_field_of_view_is_lighter():
    image = draw_birds_eye_view(None, None, P2, 1200, VIEW)
    inside, outside = image[345, 255], image[675, 25]  # ahead; to the left and near
    assert inside.min() > outside.max()


def test_number_of_objects_outside_of_the_map_is_written():
    nothing = draw_birds_eye_view(ObjectTable.empty(), None, P2, 1200, VIEW)
    beyond = draw_birds_eye_view(car(0., 100.), None, P2, 1200, VIEW)
    assert not len(drawn_in(beyond, GROUND_TRUTH_COLOR))
    assert (nothing != beyond).any()


def test_fitting_view_has_the_least_depth_that_contains_all_locations():
    near, far, farther = (np.array([(0., 1.6, z)]) for z in (30., 55., 500.))
    assert BirdsEyeView.fitting(near, 420, 400).depth == 40
    assert BirdsEyeView.fitting(np.vstack([near, far]), 420, 400).depth == 60
    assert BirdsEyeView.fitting(farther, 420, 400).depth == 80
    assert BirdsEyeView.fitting(np.zeros((0, 3)), 420, 400).image_size == (420, 400)
