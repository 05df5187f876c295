"""Picture of a linear piece in its plane."""
import numpy as np
import pytest

from mmdet3d_plugin.visualization import piece_picture
from mmdet3d_plugin.visualization.color_scales import off_piece_scale
from mmdet3d_plugin.visualization.colors import PANEL_TEXT, RIGHT_COLOR, WRONG_COLOR, to_bgr
from mmdet3d_plugin.visualization.piece_picture import (
    FOOTER,
    HEADER,
    HEIGHT,
    THUMBNAIL,
    WIDTH,
    PlaneView,
)

GREEN, RED, WHITE = map(to_bgr, (RIGHT_COLOR, WRONG_COLOR, PANEL_TEXT))
ANCHOR = np.full((20, 20, 3), 77, np.uint8)


def draw(coordinates, orthogonal, is_member, right, thumbnails=None):
    picture = piece_picture(ANCHOR, np.array(coordinates, float), np.array(orthogonal, float),
                            np.array(is_member, bool), np.array(right, bool), thumbnails or {})
    assert picture.shape == (HEADER + HEIGHT + FOOTER, WIDTH, 3)
    return picture[HEADER:HEADER + HEIGHT]


def pixel(canvas, point):
    x, y = np.rint(point).astype(int)
    return tuple(canvas[y, x].tolist())


def test_view_has_one_scale_and_shows_all_points():
    # 1100 pixels of width for 3 units, 620 of height for 1 unit: the width decides.
    view = PlaneView.fitting(np.array([[3., 0.], [1., 1.]]))
    assert view.scale == pytest.approx(1100 / 3)
    np.testing.assert_allclose(view.pixels(np.array([[0., 0.], [3., 0.]])),
                               [[70, 380 + 1100 / 6], [1170, 380 + 1100 / 6]])
    # The second axis points upwards.
    assert view.pixels(np.array([[0., 1.]]))[0, 1] < view.origin[1]
    # The height decides.
    assert PlaneView.fitting(np.array([[1., -4.], [0., 1.]])).scale == 620 / 5


def test_anchor_is_at_the_origin():
    coordinates = [[-1., 0.], [1., .2], [0., -.4]]
    view = PlaneView.fitting(np.array(coordinates))
    canvas = draw(coordinates, [.1, .2, .3], [0, 0, 0], [0, 0, 0])
    assert pixel(canvas, view.pixels(np.zeros((1, 2)))[0]) == WHITE
    # Its thumbnail is in the picture, with a white frame.
    rows, columns = np.nonzero((canvas == 77).all(-1))
    assert len(rows) == (THUMBNAIL - 8) ** 2
    assert tuple(canvas[rows.min() - 1, columns.min()].tolist()) == WHITE


def test_dots_have_the_color_of_their_orthogonal_distance():
    coordinates, orthogonal = [[-1., 0.], [1., .2], [.3, -.4]], np.array([0., .25, .5])
    canvas = draw(coordinates, orthogonal, [1, 0, 0], [1, 1, 0])
    places = PlaneView.fitting(np.array(coordinates)).pixels(np.array(coordinates))
    colors = off_piece_scale(.5).colors(orthogonal[None], np.ones((1, 3), bool))[0]
    for place, color in zip(places, colors):
        assert pixel(canvas, place) == tuple(color.tolist())


def test_rings_of_dots_tell_members_and_classes():
    coordinates = [[-1., 0.], [1., .2], [.3, -.4], [-.4, .4]]
    canvas = draw(coordinates, [.1, .2, .3, .4], [1, 1, 0, 0], [1, 0, 1, 0])
    places = PlaneView.fitting(np.array(coordinates)).pixels(np.array(coordinates))

    def has_ring(place, color):
        x, y = np.rint(place).astype(int)
        near = canvas[y - 9:y + 10, x - 9:x + 10].astype(int)
        return (np.abs(near - color).max(-1) < 60).sum() > 3

    assert [has_ring(place, GREEN) for place in places] == [True, False, True, False]
    assert [has_ring(place, RED) for place in places] == [False, True, False, False]


def test_members_have_a_framed_thumbnail():
    coordinates = [[-1., 0.], [1., .2], [.3, -.4]]
    images = {0: np.full((9, 9, 3), 111, np.uint8), 1: np.full((9, 9, 3), 222, np.uint8)}
    canvas = draw(coordinates, [.1, .2, .3], [1, 1, 0], [1, 0, 0], images)
    places = PlaneView.fitting(np.array(coordinates)).pixels(np.array(coordinates))
    for index, color in ((0, GREEN), (1, RED)):
        rows, columns = np.nonzero((canvas == 111 * (index + 1)).all(-1))
        assert len(rows) == (THUMBNAIL - 8) ** 2
        assert tuple(canvas[rows.min() - 1, columns.min()].tolist()) == color
        # Near its own dot.
        center = np.array([columns.mean(), rows.mean()])
        distances = np.linalg.norm(places - center, axis=1)
        assert distances.argmin() == index and distances.min() < 2 * THUMBNAIL


def test_thumbnails_cover_neither_each_other_nor_members():
    rng = np.random.default_rng(0)
    coordinates, orthogonal = rng.normal(size=(60, 2)), np.linspace(0, 1, 60)
    members = np.arange(60) < 12
    images = {index: np.full((9, 9, 3), 100 + index, np.uint8) for index in range(12)}
    canvas = draw(coordinates, orthogonal, members, members, images)
    places = PlaneView.fitting(coordinates).pixels(coordinates)
    colors = off_piece_scale(1.).colors(orthogonal[None], np.ones((1, 60), bool))[0]
    for index in range(12):
        # A few pixels of lines have the same grey.
        assert 0 <= (canvas == 100 + index).all(-1).sum() - (THUMBNAIL - 8) ** 2 < 10
        alone = np.linalg.norm(places[:12] - places[index], axis=1)
        if np.sort(alone)[1] > 14:  # no other member above
            assert pixel(canvas, places[index]) == tuple(colors[index].tolist())


def test_circles_show_round_distances():
    coordinates = [[-1., 0.], [1., 0.]]
    canvas = draw(coordinates, [.1, .1], [0, 0], [0, 0])
    # Two units have 1100 pixels, so the circle of 0.2 has a radius of 110.
    empty = tuple(canvas[5, 5].tolist())
    assert pixel(canvas, (620 - 110 / 2 ** .5, 380 - 110 / 2 ** .5)) != empty
    assert pixel(canvas, (620 - 130 / 2 ** .5, 380 - 130 / 2 ** .5)) == empty


def test_long_titles_do_not_reach_the_legend():
    def header(title):
        return piece_picture(ANCHOR, np.eye(2), np.ones(2), np.zeros(2, bool), np.zeros(2, bool),
                             {}, title)[:HEADER]
    long, empty = header('W' * 300), header('')
    legend = np.flatnonzero((empty != empty[0, 0]).any(axis=(0, 2))).min()
    assert np.flatnonzero((long != empty).any(axis=(0, 2))).max() < legend - 10


def test_pictures_of_no_and_of_equal_points():
    none = piece_picture(ANCHOR, np.zeros((0, 2)), np.zeros(0), np.zeros(0, bool),
                         np.zeros(0, bool), {})
    assert none.shape == (HEADER + HEIGHT + FOOTER, WIDTH, 3)
    draw(np.zeros((4, 2)), np.zeros(4), np.ones(4), np.ones(4), {0: ANCHOR})
