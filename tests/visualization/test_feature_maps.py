"""Feature maps in colours, on features with known principal components."""
import numpy as np
import pytest

from mmdet3d_plugin.visualization import UNKNOWN_COLOR, feature_colors
from mmdet3d_plugin.visualization.colors import to_bgr

GREY = 128


def independent_ramps(side=40):
    """(3, side, side) uncorrelated channels of decreasing variance: a ramp along x, a ramp along y
    and a saddle."""
    along = np.linspace(-1, 1, side)
    x, y = np.meshgrid(along, along)
    return np.stack([10 * x, 5 * y, 2 * x * y])


def test_components_of_decreasing_variance_are_red_green_and_blue():
    red, green, blue = np.moveaxis(feature_colors(independent_ramps()), -1, 0)[::-1].astype(int)
    x, y, saddle = independent_ramps()
    for color, component in ((red, x), (green, y), (blue, saddle)):
        assert np.corrcoef(color.ravel(), component.ravel())[0, 1] > .99
        assert (color.min(), color.max()) == (0, 255)


def test_colors_do_not_depend_on_channel_order_scale_and_offset():
    rng = np.random.default_rng(0)
    features = np.concatenate([independent_ramps(), rng.normal(0, .1, (4, 40, 40))])
    colors = feature_colors(features).astype(int)
    for other in (features[rng.permutation(7)], 5 * features, features + 3.,
                  features.astype(np.float32)):
        assert np.abs(feature_colors(other) - colors).max() <= 1


def test_largest_loading_of_a_component_is_positive():
    """Negated features have the inverted colours."""
    features = independent_ramps()
    colors = feature_colors(features).astype(int)
    negated = feature_colors(-features).astype(int)
    assert np.abs(colors + negated - 255).max() <= 1


def test_outlier_does_not_change_the_other_colors():
    ramp = np.linspace(0, 1, 1000).reshape(1, 20, 50)
    with_outlier = ramp.copy()
    with_outlier[0, 7, 7] = 1e4
    red = feature_colors(with_outlier)[..., 2].astype(int)
    assert np.abs(red - feature_colors(ramp)[..., 2]).ravel()[np.arange(1000) != 357].max() <= 2


@pytest.mark.parametrize('channels', [1, 2])
def test_missing_components_are_128(channels):
    colors = feature_colors(independent_ramps()[:channels])
    assert (colors[..., :3 - channels] == GREY).all()
    assert len(np.unique(colors[..., 2])) > 30


def test_components_of_rounding_errors_are_128():
    """All five channels are multiples of one ramp."""
    features = np.multiply.outer([1., -2., .3, 7., 1e-3], independent_ramps()[0])
    colors = feature_colors(features.astype(np.float32).astype(np.float64))
    assert (colors[..., :2] == GREY).all()
    assert len(np.unique(colors[..., 2])) > 30


def test_constant_features_are_128():
    assert (feature_colors(np.full((5, 4, 6), 3.)) == GREY).all()


def test_cells_with_nan_or_infinity_are_unknown():
    features = independent_ramps()
    whole = feature_colors(features).astype(int)
    features[1, 3, 5], features[0, 8, 8] = np.nan, np.inf
    colors = feature_colors(features)
    unknown = (colors == to_bgr(UNKNOWN_COLOR)).all(-1)
    assert list(map(tuple, np.argwhere(unknown))) == [(3, 5), (8, 8)]
    assert np.abs(colors.astype(int) - whole)[~unknown].max() < 12
    assert (feature_colors(np.full((3, 2, 2), np.nan)) == to_bgr(UNKNOWN_COLOR)).all()
