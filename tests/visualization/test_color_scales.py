"""Colours and ticks of the scales, and their colour bars."""
import numpy as np
import pytest

from mmdet3d_plugin.visualization import UNKNOWN_COLOR, depth_scale, error_scale
from mmdet3d_plugin.visualization.colors import to_bgr


def color_of(scale, value):
    return scale.colors(np.array([[value]], float), np.array([[True]]))[0, 0].astype(int)


def test_depth_scale_is_logarithmic_and_bright_at_small_depths():
    scale = depth_scale(1., 100.)
    np.testing.assert_allclose(scale.shares(np.array([1., 10., 100.])), [0, .5, 1], atol=1e-12)
    brightness = [color_of(scale, depth).sum() for depth in np.geomspace(1, 100, 30)]
    assert (np.diff(brightness) < 0).all()


def test_values_outside_of_the_range_have_the_colors_of_the_ends():
    scale = depth_scale(2., 50.)
    for beyond, end in ((.1, 2.), (900., 50.)):
        np.testing.assert_array_equal(color_of(scale, beyond), color_of(scale, end))


@pytest.mark.parametrize('scale', [depth_scale(1., 80.), error_scale(25.)])
def test_unknown_color_differs_from_all_colors_of_the_scale(scale):
    values = np.linspace(scale.low, scale.high, 500)[None]
    known = np.ones_like(values, bool)
    distances = np.linalg.norm(scale.colors(values, known).astype(int) - to_bgr(UNKNOWN_COLOR),
                               axis=-1)
    assert distances.min() > 45
    assert (scale.colors(values, ~known) == to_bgr(UNKNOWN_COLOR)).all()


def test_negative_errors_are_blue_positive_red_and_zero_white():
    scale = error_scale(25.)
    (blue, _, red), (other_blue, _, other_red) = color_of(scale, -20.), color_of(scale, 20.)
    assert blue > red + 80 and other_red > other_blue + 80
    assert color_of(scale, 0.).min() > 240


@pytest.mark.parametrize('low, high, labels', [
    (1.5, 80., ['2', '5', '10', '20', '50']), (.5, 12., ['0.5', '1', '2', '5', '10']),
    (9., 11., ['9', '9.5', '10', '10.5', '11'])])
def test_ticks_of_depth_scale_are_round_numbers(low, high, labels):
    scale = depth_scale(low, high)
    shown = [scale.form(tick) for tick in scale.ticks]
    assert set(labels) <= set(shown) and len(shown) <= len(labels) + 2


def test_ticks_of_error_scale_have_signs():
    scale = error_scale(25.)
    assert [scale.form(tick) for tick in scale.ticks] == ['-20', '-10', '0', '+10', '+20']


def test_tick_of_a_value_is_at_its_color_on_the_bar():
    """Compare the columns that have the colour of the value with the columns of the ticks."""
    scale = depth_scale(1., 100.)
    strip = np.zeros((60, 600, 3), np.uint8)
    scale.draw_bar(strip, 100, 500, 10, 10.)
    bar = strip[15]
    assert not strip[:, :99].any() and not strip[:, 502:].any()
    columns = np.flatnonzero(np.abs(bar.astype(int) - color_of(scale, 10.)).sum(-1) <= 3)
    below = strip[22].sum(-1)  # this row contains only ticks
    ticks = np.flatnonzero(below > below.max() / 3)
    assert np.abs(ticks - columns.mean()).min() <= 2
