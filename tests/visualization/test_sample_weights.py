"""Tints of ROI locations and the panel of their weights."""
import numpy as np

from mmdet3d_plugin.visualization.sample_weights import WIDTH, draw_sample_weights, sample_panel

GREY = np.full((140, 280, 3), 90, np.uint8)
BOX = np.array([70., 0., 210., 140.])  # 7 x 7 locations of 20 x 20 pixels


def test_only_locations_of_positive_weight_are_tinted():
    weights = np.zeros((7, 7))
    weights[2, 5], weights[6, 0] = .8, .2
    drawn = draw_sample_weights(GREY, BOX, weights)
    changed = (drawn != GREY).any(axis=2)
    for row in range(7):
        for column in range(7):
            centre = changed[row * 20 + 10, 70 + column * 20 + 10]
            assert centre == (weights[row, column] > 0), (row, column)
    strong, weak = (np.abs(drawn[y, x].astype(int) - 90).sum()
                    for y, x in ((50, 180), (130, 80)))
    assert strong > weak > 0
    assert not changed[:, :65].any() and not changed[:, 216:].any()
    assert (GREY == 90).all()


def test_box_outside_of_the_image_is_cut():
    weights = np.ones((7, 7))
    for box in ([-50., -20., 60., 70.], [250., 100., 400., 300.], [-90., -90., -10., -10.],
                [10., 10., 10., 10.]):
        assert draw_sample_weights(GREY, np.array(box), weights).shape == GREY.shape


def test_panel_with_and_without_objects():
    boxes = np.array([BOX, [10., 10., 40., 30.], [-30., -30., -5., -5.]])
    weights = np.random.default_rng(0).random((3, 7, 7))
    # Header of 37 pixels, image of 280 x 140 pixels at 1242 / 280
    above = 37 + 621
    panel = sample_panel(GREY, boxes, weights, ['Car 0.9', 'Car 0.5', 'Car 0.1'], 'frame')
    # Two rows: tile of 220, caption of 11 and three gaps of 8
    assert panel.shape == (above + 2 * 255, WIDTH, 3)
    empty = sample_panel(GREY, boxes[:0], weights[:0], [])
    assert empty.shape == (above, WIDTH, 3)
    assert (panel[37:above] != empty[37:]).any()


def row_of(panel, index):
    """Return the tiles of a row of enlarged objects below GREY."""
    top = 37 + 621 + 255 * index + 8
    return panel[top:top + 220]


def test_tiles_fill_the_rows():
    """Small boxes in the middle and at the corners of a grey image."""
    boxes = np.array([[135., 65., 145., 75.], [0., 0., 4., 8.], [275., 130., 280., 140.]])
    panel = sample_panel(GREY, boxes, np.zeros((3, 7, 7)), ['Car'] * 3)
    # Four tiles of (1242 - 8) // 4 - 8 = 300 pixels, then two of (1242 - 8) // 2 - 8 = 609
    for index, width, lefts in ((0, 300, (8, 316, 624, 932)), (1, 609, (8, 625))):
        row = row_of(panel, index)
        for number, left in enumerate(lefts):
            tile, gap = row[:, left:left + width], row[:, left + width:left + width + 8]
            outside = (tile != 90).any(axis=2)
            assert outside.any() == number % 2  # the frame around the weights
            assert outside.mean() < .02
            assert (gap != 90).all()


def test_an_enlarged_object_is_in_the_middle_of_its_tile():
    """A white square of 50 pixels with margins of 6: 220 / 62 = 3.55 tile pixels per pixel."""
    image = np.zeros((200, 400, 3), np.uint8)
    image[100:150, 200:250] = 255
    panel = sample_panel(image, np.array([[200., 100., 250., 150.]]), np.zeros((1, 7, 7)), [''])
    for left in (8, 625):
        rows, columns = np.nonzero(row_of(panel, 0)[:, left:left + 609].min(axis=2) > 128)
        np.testing.assert_allclose([rows.min(), rows.max()], [21.3, 198.7], atol=2)
        # The middle 177.4 of 609 pixels
        np.testing.assert_allclose([columns.min(), columns.max()], [215.8, 393.2], atol=2)


def test_a_tile_is_dark_where_the_image_ends():
    """A box as wide as the image: 300 / 280 tile pixels per pixel make it 150 pixels high."""
    boxes = np.array([[0., 60., 280., 80.]] * 2)
    panel = sample_panel(GREY, boxes, np.zeros((2, 7, 7)), ['Car'] * 2)
    grey = (row_of(panel, 0)[:, 8:308] == 90).all(axis=(1, 2))
    assert np.flatnonzero(grey).tolist() == list(range(35, 185))


def test_long_captions_are_cut():
    boxes = np.array([BOX] * 2)
    panels = [sample_panel(GREY, boxes, np.zeros((2, 7, 7)), [name * 60, 'Car']) for name in 'ab']
    changed = (panels[0] != panels[1]).any(axis=(0, 2))
    assert changed[:616].any() and not changed[616:].any()
