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
    panel = sample_panel(GREY, boxes, weights, ['Car 0.9', 'Car 0.5', 'Car 0.1'], 'frame')
    assert panel.shape[1] == WIDTH
    empty = sample_panel(GREY, boxes[:0], weights[:0], [])
    assert empty.shape == panel.shape
    assert (panel != empty).any()
