"""Pictures of dense depth: known pixels, evaluated pixels, and AbsRel in the title."""
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.depth.map_errors import DepthProtocol
from mmdet3d_plugin.visualization import (
    UNKNOWN_COLOR,
    depth_panel,
    depth_picture,
    depth_scale,
    error_picture,
    error_scale,
)
from mmdet3d_plugin.visualization.colors import to_bgr
from mmdet3d_plugin.visualization.depth_maps import WIDTH, fitting_scale
from mmdet3d_plugin.visualization.panel_header import panel_header

HEIGHT, IMAGE_WIDTH = 100, 300
IMAGE = np.full((HEIGHT, IMAGE_WIDTH, 3), 90, np.uint8)
EVERYTHING = DepthProtocol(1e-3, 80.)


def ramp():
    """(H, W) depths from 60 m at the top to 5 m at the bottom."""
    return np.repeat(np.geomspace(60, 5, HEIGHT)[:, None], IMAGE_WIDTH, 1).astype(np.float32)


def titled(panel, text):
    """Return whether the first rows of the panel are a header with this text."""
    rows = next(row for row in range(1, 80) if not (panel[row] == panel[0]).all()) + 60
    return any(np.array_equal(panel[:height], panel_header(panel.shape[1], height, text, {}))
               for height in range(20, rows))


def test_single_known_pixel_is_enlarged_to_3_x_3_pixels():
    depth = np.zeros((9, 9), np.float32)
    depth[4, 4] = 10.
    scale = depth_scale(1., 100.)
    picture = depth_picture(depth, scale)
    known = (picture != to_bgr(UNKNOWN_COLOR)).any(-1)
    rows, columns = np.nonzero(known)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 5, 3, 5)
    assert known.sum() == 9
    color = scale.colors(np.array([[10.]]), np.array([[True]]))[0, 0]
    assert (picture[known] == color).all()


def test_enlarged_pixels_have_the_depth_of_the_nearest_known_pixel():
    depth = np.zeros((3, 12), np.float32)
    depth[1, 2], depth[1, 9] = 2., 50.
    scale = depth_scale(1., 100.)
    picture = depth_picture(depth, scale)
    near, far = scale.colors(np.array([[2., 50.]]), np.ones((1, 2), bool))[0]
    assert (picture[:, 1:4] == near).all() and (picture[:, 8:11] == far).all()


def test_error_picture_shows_evaluated_pixels_with_clamped_predictions():
    truth = np.array([[10., 10., 0., 90., 10.]], np.float32)
    prediction = np.array([[8., 200., 5., 80., 0.]], np.float32)
    errors = DepthProtocol(1., 80.).signed_errors(truth, prediction)
    # In order: plain, clamped to 80 m, no true depth, true depth over 80 m, clamped to 1 m.
    np.testing.assert_allclose(errors, [[-2., 70., np.nan, np.nan, -9.]])
    unknown = (error_picture(errors, error_scale(5.)) == to_bgr(UNKNOWN_COLOR)).all(-1)
    assert not unknown[0, 0] and not unknown[0, 4]


def test_truth_and_prediction_have_the_same_color_scale():
    """There are two tiles per row: true depth is right of the image, prediction below it."""
    truth = ramp()
    panel = depth_panel(IMAGE, truth, truth, features=IMAGE)
    tile_height = panel[:, WIDTH // 4]
    assert panel.shape[1] == WIDTH
    top, left = 39, 16
    height, width = round(906 / 3), 906
    right = left + width + 16
    step = height + 52 + 16
    true = panel[top:top + height, right:right + width]
    predicted = panel[top + step:top + step + height, left:left + width]
    np.testing.assert_array_equal(true, predicted)
    assert len(np.unique(true.reshape(-1, 3), axis=0)) > 50
    errors = panel[top + 2 * step:top + 2 * step + height, left:left + width]
    assert (errors > 240).all()
    assert tile_height.any()


@pytest.mark.parametrize('change, protocol, figure', [
    (lambda depth: 1.1 * depth, EVERYTHING, '0.100'),
    (lambda depth: .75 * depth, EVERYTHING, '0.250'),
    (lambda depth: 0 * depth, EVERYTHING, '1.000'),  # clamped to 1 mm
    (lambda depth: 3 * depth, DepthProtocol(median_scaling=True), '0.000')])
def test_title_contains_absrel(change, protocol, figure):
    truth = ramp()
    panel = depth_panel(IMAGE, change(truth), truth, title='frame', protocol=protocol)
    assert titled(panel, f'frame   AbsRel {figure}')
    errors = protocol.errors(truth, change(truth), 'frame')
    assert f"{errors['AbsRel']:.3f}" == figure


def test_pixels_outside_of_the_crop_are_not_evaluated():
    truth = np.full((HEIGHT, IMAGE_WIDTH), 10., np.float32)
    protocol = DepthProtocol(crop='garg')
    prediction = np.where(protocol.valid(truth), 11., 40.).astype(np.float32)
    assert titled(depth_panel(IMAGE, prediction, truth, title='a', protocol=protocol),
                  'a   AbsRel 0.100')


def test_panel_without_evaluated_pixels():
    prediction = ramp()
    without = depth_panel(IMAGE, prediction, title='a')
    assert titled(without, 'a')
    for truth in (np.zeros_like(prediction), np.full_like(prediction, 500.)):
        np.testing.assert_array_equal(depth_panel(IMAGE, prediction, truth, title='a'), without)
    assert depth_panel(IMAGE, prediction, prediction).shape[0] > without.shape[0]
    depth_panel(IMAGE, np.zeros_like(prediction))


def test_portrait_images_have_three_tiles_per_row():
    image, depth = IMAGE[:, :130], ramp()[:, :130]
    panel = depth_panel(image, depth, depth, features=image)
    assert panel.shape[1] == WIDTH
    assert panel.shape[0] == 39 + 2 * (round(598 * 100 / 130) + 52 + 16)  # 3 x 598 + 4 x 16


def test_panel_does_not_change_its_inputs():
    image, truth, prediction = IMAGE.copy(), ramp(), ramp() * 2
    depth_panel(image, prediction, truth, features=image)
    assert (image == IMAGE).all() and (truth == ramp()).all() and (prediction == 2 * ramp()).all()


def test_fitting_scale_covers_98_percent_of_the_depths():
    depth = np.linspace(1, 101, 10001)[None]
    depth[0, 0] = 0
    scale = fitting_scale(depth)
    np.testing.assert_allclose((scale.low, scale.high), (2, 100), atol=.02)
    flat = fitting_scale(np.full((2, 2), 7.))
    assert flat.low < 7 < flat.high
