"""Sheet of queries and nearest neighbours, and thumbnails."""
import numpy as np
import pytest

from mmdet3d_plugin.visualization import QueryRow, neighbour_sheet
from mmdet3d_plugin.visualization.colors import (
    PANEL_BACKGROUND,
    PANEL_TEXT,
    RIGHT_COLOR,
    WRONG_COLOR,
    to_bgr,
)
from mmdet3d_plugin.visualization.thumbnails import thumbnail

GREEN, RED, BACKGROUND = map(to_bgr, (RIGHT_COLOR, WRONG_COLOR, PANEL_BACKGROUND))
# The first row starts below a header of 40 and a gap of 12 pixels. A row has images of 128 and
# captions of 26 pixels, and 12 pixels to the next row.
TOP, STEP = 52, 166
QUERY_X, FIRST_X, TILE_STEP = 12, 180, 140


def image_of(value):
    return np.full((60, 60, 3), value, np.uint8)


@pytest.fixture(scope='module')
def sheet():
    return neighbour_sheet([
        QueryRow(image_of(10), 'wren', [image_of(20), image_of(30), image_of(40)],
                 [True, False, True], [.1, .2, .3]),
        QueryRow(image_of(50), 'gull', [image_of(60)], np.array([False]), np.array([.4]))],
        'queries')


def test_sheet_has_one_row_per_query_and_one_column_per_neighbour(sheet):
    assert sheet.shape == (TOP + 2 * STEP, FIRST_X + 3 * TILE_STEP, 3)
    assert sheet.dtype == np.uint8


def test_images_are_in_order(sheet):
    def center(row, x):
        return sheet[TOP + row * STEP + 64, x + 64].tolist()
    assert center(0, QUERY_X) == [10] * 3
    assert [center(0, FIRST_X + TILE_STEP * i) for i in range(3)] == [[20] * 3, [30] * 3, [40] * 3]
    assert center(1, QUERY_X) == [50] * 3 and center(1, FIRST_X) == [60] * 3
    # The second query has one neighbour only.
    assert (sheet[TOP + STEP:, FIRST_X + TILE_STEP:] == BACKGROUND).all()


def test_frames_tell_right_from_wrong(sheet):
    for row, index, color in ((0, 0, GREEN), (0, 1, RED), (0, 2, GREEN), (1, 0, RED)):
        top, left = TOP + row * STEP, FIRST_X + TILE_STEP * index
        tile = sheet[top:top + 128, left:left + 128]
        for border in (tile[:4], tile[-4:], tile[:, :4], tile[:, -4:]):
            assert (border == color).all()
        assert not (tile[4:-4, 4:-4] == color).all(-1).any()
        # The mark in the caption has the same colour and no pixel of the other.
        caption = sheet[top + 128:top + 154, left:left + 128]
        other = RED if color == GREEN else GREEN
        assert (caption == color).all(-1).any() and not (caption == other).all(-1).any()
    query = sheet[TOP:TOP + 128, QUERY_X:QUERY_X + 128]
    assert (query == 10).all()


def test_tick_and_cross_differ():
    def mark(right):
        sheet = neighbour_sheet([QueryRow(image_of(1), 'a', [image_of(2)], [right], [.5])])
        color = GREEN if right else RED
        return (sheet[TOP + 128:, FIRST_X:FIRST_X + 14] == color).all(-1)
    assert (mark(True) != mark(False)).any()


def test_caption_has_the_distance():
    def caption(distance):
        sheet = neighbour_sheet([QueryRow(image_of(1), 'a', [image_of(2)], [True], [distance])])
        return sheet[TOP + 128:, FIRST_X:]
    np.testing.assert_array_equal(caption(.12340), caption(.12344))
    assert (caption(.123) != caption(.124)).any()


def test_long_names_do_not_reach_the_neighbours():
    for name in ('a bird with a long name, and more of it', 'W' * 200):
        sheet = neighbour_sheet([QueryRow(image_of(1), name, [image_of(2)], [True], [.5])])
        written = (sheet[TOP + 128:, :FIRST_X] != BACKGROUND).any(axis=(0, 2))
        # The caption ends before the first neighbour.
        assert written[:FIRST_X - 12].any() and not written[FIRST_X - 12:].any()


def test_legend_names_both_colors(sheet):
    header = sheet[:40]
    for color in (GREEN, RED, to_bgr(PANEL_TEXT)):
        assert (header == color).all(-1).any()


def test_long_titles_do_not_reach_the_legend():
    def header(title):
        grey = image_of(1)
        return neighbour_sheet([QueryRow(grey, 'a', [grey] * 4, [True] * 4, [.5] * 4)], title)[:40]
    # The legend stays the same, and there is a gap before it.
    long, empty = header('W' * 300), header('')
    written = (long != empty).any(axis=(0, 2))
    legend = np.flatnonzero((empty != BACKGROUND).any(axis=(0, 2))).min()
    assert written.any() and np.flatnonzero(written).max() < legend - 10


def test_sheet_without_queries_is_a_header():
    assert neighbour_sheet([]).shape == (TOP, FIRST_X, 3)


@pytest.mark.parametrize('shape, rows, columns', [
    ((20, 40, 3), (16, 48), (0, 64)), ((300, 100, 3), (0, 64), (21, 42)),
    ((7, 7, 3), (0, 64), (0, 64))])
def test_thumbnail_keeps_the_aspect_ratio(shape, rows, columns):
    square = thumbnail(np.full(shape, 200, np.uint8), 64)
    expected = np.full((64, 64, 3), BACKGROUND, np.uint8)
    expected[slice(*rows), slice(*columns)] = 200
    np.testing.assert_array_equal(square, expected)


def test_thumbnail_of_a_thin_image_has_a_line():
    square = thumbnail(np.full((1, 900, 3), 200, np.uint8), 64)
    assert (square == 200).all(-1).sum() == 64
