"""Panels of clips: rows and their places, colours of decisions, and errors on objects."""
import dataclasses

import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.depth.map_errors import DepthProtocol
from mmdet3d_plugin.visualization import MotionHints, motion_hint_panel
from mmdet3d_plugin.visualization.colors import ACCENT_COLOR, to_bgr
from mmdet3d_plugin.visualization.motion_hint_panel import (
    CHOICE_COLORS,
    MOVING_COLOR,
    STATIC_COLOR,
    draw_instances,
)
from mmdet3d_plugin.visualization.panel_header import panel_header

HEIGHT, WIDTH = 48, 160
TILE_WIDTH, TILE_HEIGHT = 598, 179  # three tiles of 1860 - 4 * 16 pixels
STEP = TILE_HEIGHT + 52 + 16  # picture, strip and gap
HEADER = 39
IMAGE = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)


def gray(value):
    return np.full((HEIGHT, WIDTH, 3), value, np.uint8)


def full_hints():
    instances = np.zeros((2, HEIGHT, WIDTH), bool)
    instances[0, 20:40, 20:60] = True
    instances[1, 20:40, 100:130] = True
    choice = np.repeat(np.arange(4), WIDTH // 4)[None].repeat(HEIGHT, 0)
    depth = np.repeat(np.geomspace(60, 5, HEIGHT)[:, None], WIDTH, 1)
    return MotionHints(gray(10), {1: gray(40), -1: gray(20)}, depth, 1.2 * depth,
                       warps={-1: gray(50), 1: gray(60)}, shifted={-1: gray(70), 1: gray(80)},
                       choice=choice, instances=instances,
                       displacements=np.array([[6, 0], [0, 0]]), gate=np.array([1., 0.]))


def tile(panel, row, column):
    top, left = HEADER + row * STEP, 16 + column * (TILE_WIDTH + 16)
    return panel[top:top + TILE_HEIGHT, left:left + TILE_WIDTH]


def strip_right_of(panel, row, column):
    """Right half of the strip below a tile, which holds the legend or the colour bar."""
    top, left = HEADER + row * STEP + TILE_HEIGHT, 16 + column * (TILE_WIDTH + 16)
    return panel[top:top + 52, left + TILE_WIDTH // 2:left + TILE_WIDTH]


def has(picture, color):
    return (picture == to_bgr(color)).all(-1).any()


def test_frames_are_in_the_order_of_time():
    hints = full_hints()
    panel = motion_hint_panel(hints)
    assert panel.dtype == np.uint8 and panel.shape == (HEADER + 4 * STEP, 1860, 3)
    for row, column, value in ((0, 0, 20), (0, 1, 10), (0, 2, 40), (1, 0, 50), (1, 2, 60),
                               (2, 0, 70), (2, 2, 80)):
        assert (tile(panel, row, column) == value).all(), (row, column)


def test_legends_have_the_colors_of_the_pictures():
    panel = motion_hint_panel(full_hints())
    for color in (MOVING_COLOR, STATIC_COLOR):
        assert has(tile(panel, 1, 1), color) and has(strip_right_of(panel, 1, 1), color)
    picture = tile(panel, 2, 1)
    for index, color in enumerate(CHOICE_COLORS.values()):
        assert has(strip_right_of(panel, 2, 1), color)
        assert (picture[90, 75 + 150 * index] == to_bgr(color)).all()
    # Pixels without a choice have none of the colours, and no two colours are blended.
    assert not any(has(picture[:, 460:], color) for color in CHOICE_COLORS.values())
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 4


def test_instances_without_gate():
    hints = dataclasses.replace(full_hints(), gate=None)
    panel = motion_hint_panel(hints)
    assert has(tile(panel, 1, 1), ACCENT_COLOR) and has(strip_right_of(panel, 1, 1), ACCENT_COLOR)
    assert not has(panel[:HEADER + 2 * STEP], MOVING_COLOR)


def test_arrow_spans_twice_the_displacement():
    """From 10 pixels before the centre (40, 24) to 10 pixels after it, at twice the size."""
    hints = MotionHints(IMAGE, {}, np.ones((HEIGHT, WIDTH)), gate=np.array([.6]),
                        instances=np.zeros((1, HEIGHT, WIDTH), bool),
                        displacements=np.array([[10, 0]]))
    hints.instances[0, 14:34, 20:60] = True
    canvas = np.full((2 * HEIGHT, 2 * WIDTH, 3), 90, np.uint8)
    drawn = draw_instances(canvas, hints)
    assert (canvas == 90).all()
    inner = drawn[35:61, 46:114]  # without the outline
    columns = 46 + np.nonzero((inner == to_bgr(MOVING_COLOR)).all(-1).any(0))[0]
    assert abs(columns.min() - 60) <= 2 and abs(columns.max() - 100) <= 2
    assert has(drawn[28:29], MOVING_COLOR)  # outline at the first row of the mask


def test_rows_without_content_are_left_out():
    depth = np.full((HEIGHT, WIDTH), 9.)
    base = MotionHints(IMAGE, {-1: IMAGE, 1: IMAGE}, depth, depth,
                       warps={-1: gray(50), 1: gray(60)})
    panel = motion_hint_panel(base)
    assert panel.shape[0] == HEADER + 3 * STEP
    background = panel[0, 0]
    assert (tile(panel, 1, 0) == 50).all() and (tile(panel, 1, 1) == background).all()
    single = MotionHints(IMAGE, {}, depth)
    assert motion_hint_panel(single, width=640).shape[1] == 640
    nothing = dataclasses.replace(base, instances=np.zeros((0, HEIGHT, WIDTH), bool),
                                  displacements=np.zeros((0, 2)), gate=np.zeros(0))
    assert motion_hint_panel(nothing, truth=depth).shape[0] == HEADER + 3 * STEP


@pytest.mark.parametrize('protocol, teacher, student', [
    (None, '0.000', '0.000'), (DepthProtocol(), '0.000', '0.200')])
def test_title_contains_the_errors_on_objects(protocol, teacher, student):
    """The student is 1.2 times too far everywhere, which median scaling removes."""
    hints = full_hints()
    panel = motion_hint_panel(hints, hints.teacher_depth, 'frame', protocol)
    expected = f'frame   AbsRel on objects: teacher {teacher}, student {student}'
    np.testing.assert_array_equal(panel[:HEADER], panel_header(1860, HEADER, expected, {}))
    assert panel.shape[0] == HEADER + 5 * STEP
    np.testing.assert_array_equal(tile(panel, 3, 0), tile(panel, 3, 2))  # teacher and truth


def test_errors_are_those_of_objects_only():
    hints = full_hints()
    panel = motion_hint_panel(hints, hints.teacher_depth, protocol=DepthProtocol())
    errors = tile(panel, 4, 1)
    unknown = errors[0, 0]
    inside = np.array([errors[110, 150], errors[110, 430]])  # on both objects
    assert (inside != unknown).any(-1).all() and (errors[110, 300] == unknown).all()
    assert (inside[:, 2] > inside[:, 0].astype(int) + 50).all()  # red: too far


def test_truth_without_a_counted_pixel():
    hints = full_hints()
    nothing = np.zeros((HEIGHT, WIDTH))
    np.testing.assert_array_equal(motion_hint_panel(hints, nothing, 'a'),
                                  motion_hint_panel(hints, None, 'a'))
