"""Errors of depth maps, against a loop over pixels and values worked out by hand."""
import math

import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.depth.crops import crop_bounds
from mmdet3d_plugin.benchmarks.depth.map_errors import DEPTH_STYLES, DepthEvaluation, DepthProtocol
from mmdet3d_plugin.errors import InputError


def reference(truth, predicted, low, high, rows, columns, median_scaling):
    """Definitions of the errors (Eigen et al., 2014), pixel by pixel."""
    pairs = [(float(truth[r, c]), float(predicted[r, c])) for r in range(*rows)
             for c in range(*columns) if low < truth[r, c] < high]
    if median_scaling:
        ratio = np.median([t for t, _ in pairs]) / np.median([p for _, p in pairs])
        pairs = [(t, p * ratio) for t, p in pairs]
    pairs = [(t, min(max(p, low), high)) for t, p in pairs]
    count = len(pairs)
    return dict(
        AbsRel=sum(abs(p - t) / t for t, p in pairs) / count,
        SqRel=sum((p - t) ** 2 / t for t, p in pairs) / count,
        RMSE=math.sqrt(sum((p - t) ** 2 for t, p in pairs) / count),
        RMSElog=math.sqrt(sum((math.log(p) - math.log(t)) ** 2 for t, p in pairs) / count),
        log10=sum(abs(math.log10(p) - math.log10(t)) for t, p in pairs) / count,
        **{f'delta{j}': sum(max(p / t, t / p) < 1.25 ** j for t, p in pairs) / count
           for j in (1, 2, 3)})


@pytest.mark.parametrize('median_scaling', [False, True])
@pytest.mark.parametrize('crop', [None, 'garg', 'eigen'])
def test_errors_agree_with_a_loop_over_pixels(crop, median_scaling):
    rng = np.random.default_rng(3)
    truth = rng.uniform(1, 100, (37, 61)) * (rng.random((37, 61)) < .6)
    predicted = truth * rng.lognormal(0, .4, truth.shape) + rng.uniform(0, 2, truth.shape)
    predicted[rng.random(truth.shape) < .05] = 0
    protocol = DepthProtocol(1e-3, 80., crop, median_scaling)
    found = protocol.errors(truth.astype(np.float32), predicted.astype(np.float32), 'a')
    # Rows and columns of the crops in an image of 37 x 61 pixels.
    rows, columns = {None: ((0, 37), (0, 61)), 'garg': ((15, 36), (2, 58)),
                     'eigen': ((12, 33), (2, 58))}[crop]
    expected = reference(truth.astype(np.float32), predicted.astype(np.float32), 1e-3, 80., rows,
                         columns, median_scaling)
    assert list(found) == list(DEPTH_STYLES)
    assert found == pytest.approx(expected, rel=1e-9)


def test_errors_of_two_pixels():
    found = DepthProtocol(max_depth=10.).errors(
        np.array([[2., 4., 0., 20.]]), np.array([[3., 4., 5., 1.]]), 'a')
    assert found == pytest.approx(dict(
        AbsRel=.25, SqRel=.25, RMSE=math.sqrt(.5), RMSElog=math.log(1.5) / math.sqrt(2),
        log10=math.log10(1.5) / 2, delta1=.5, delta2=1., delta3=1.))


def test_depths_equal_to_the_limits_do_not_count():
    protocol = DepthProtocol(1., 10.)
    truth = np.array([[1., np.nextafter(1., 2.), 5., np.nextafter(10., 0.), 10.]])
    assert protocol.valid(truth).tolist() == [[False, True, True, True, False]]
    # With the pixels at the limits, the AbsRel would be 0.4.
    found = protocol.errors(np.array([[1., 5., 10.]]), np.array([[2., 6., 10.]]), 'a')
    assert found['AbsRel'] == pytest.approx(.2)


@pytest.mark.parametrize('truth, predicted, shares', [
    (4., 5., (0., 1., 1.)), (5., 4., (0., 1., 1.)),  # ratio 1.25
    (16., 25., (0., 0., 1.)), (25., 16., (0., 0., 1.)),  # ratio 1.25²
    (64., 125., (0., 0., 0.)), (125., 64., (0., 0., 0.))])  # ratio 1.25³
def test_pixels_at_a_delta_threshold_do_not_count(truth, predicted, shares):
    found = DepthProtocol(max_depth=200.).errors(
        np.array([[truth]]), np.array([[predicted]]), 'a')
    assert (found['delta1'], found['delta2'], found['delta3']) == shares


def test_predictions_are_clamped_to_the_depth_range():
    protocol = DepthProtocol(1., 10.)
    found = protocol.errors(np.array([[5., 5.]]), np.array([[0., np.inf]]), 'a')
    assert found['AbsRel'] == pytest.approx((4 / 5 + 5 / 5) / 2)


def test_median_scaling_makes_the_scale_irrelevant():
    rng = np.random.default_rng(0)
    truth, noise = rng.uniform(2, 60, (2, 20, 30))
    protocol = DepthProtocol(median_scaling=True)
    one, other = (protocol.errors(truth, (truth + noise) * scale, 'a') for scale in (1, .01))
    assert one == pytest.approx(other)
    assert protocol.errors(truth, truth * 7, 'a')['AbsRel'] == pytest.approx(0, abs=1e-12)


def test_images_without_depth_are_reported():
    protocol = DepthProtocol(max_depth=10.)
    evaluation = DepthEvaluation(protocol)
    for name, truth, predicted in [('a', [[5.]], [[6.]]), ('b', [[0.]], [[6.]]),
                                   ('c', [[50.]], [[6.]]), ('d', [[4., 4.]], [[4., 5.]])]:
        evaluation.add(name, protocol.errors(np.array(truth), np.array(predicted), name))
    # Mean over images, not over pixels: (0.2 + 0.125) / 2.
    assert evaluation.to_dict()['AbsRel'] == pytest.approx(.1625)
    assert '2 images, depth of 0.001 to 10 m, crop none' in evaluation.table()
    assert '2 images without such depth are left out, the first one: b' in evaluation.table()
    assert evaluation.table().splitlines()[-2].split() == list(DEPTH_STYLES)


def test_evaluation_without_any_depth_is_an_error():
    protocol = DepthProtocol(crop='garg')
    evaluation = DepthEvaluation(protocol)
    evaluation.add('a', protocol.errors(np.zeros((40, 40)), np.ones((40, 40)), 'a'))
    with pytest.raises(InputError, match="none of 1 images has a true depth between 0.001 and 80 "
                                         r"m inside the crop \(garg\)"):
        evaluation.to_dict()


@pytest.mark.parametrize('truth, predicted, options, message', [
    (np.ones((2, 3)), np.ones((3, 2)), {}, r"a: the prediction's size \(3, 2\) differs from"),
    (np.ones((1, 2)), np.array([[1., np.nan]]), {}, 'a: the prediction holds NaN'),
    (np.ones((1, 2)), np.zeros((1, 2)), dict(median_scaling=True), 'median of the prediction is')])
def test_error_names_the_image_of_an_invalid_prediction(truth, predicted, options, message):
    with pytest.raises(InputError, match=message):
        DepthProtocol(**options).errors(truth, predicted, 'a')


@pytest.mark.parametrize('low, high', [(0., 80.), (-1., 80.), (80., 80.), (90., 80.),
                                       (float('nan'), 80.)])
def test_invalid_depth_ranges_are_rejected(low, high):
    with pytest.raises(InputError, match='are no range'):
        DepthProtocol(low, high)


@pytest.mark.parametrize('names, size, bounds', [
    ('garg', (375, 1242), (153, 371, 44, 1197)),
    ('garg', (370, 1224), (151, 366, 43, 1180)),
    ('eigen', (375, 1242), (124, 342, 44, 1197)),
    ('nyu', (480, 640), (45, 471, 41, 601)),
    ('nyu_frame', (480, 640), (45, 472, 43, 608)),
    ('kitti_benchmark', (375, 1242), (23, 375, 13, 1229)),
    # Bounds in an image of 352 x 1216 pixels plus its offset (23, 13).
    (('kitti_benchmark', 'garg'), (375, 1242), (23 + 143, 23 + 349, 13 + 43, 13 + 1172)),
    ((), (10, 20), (0, 10, 0, 20))])
def test_crop_bounds(names, size, bounds):
    assert crop_bounds(names, size) == bounds


@pytest.mark.parametrize('names, size, message', [
    ('gorg', (375, 1242), "there is no crop 'gorg'; choose from garg, eigen, nyu"),
    ('nyu', (375, 500), "crop 'nyu' does not fit an image of 500x375"),
    ('kitti_benchmark', (300, 1242), 'does not fit'), ('garg', (1, 1), 'does not fit')])
def test_invalid_crops_are_rejected(names, size, message):
    with pytest.raises(InputError, match=message):
        crop_bounds(names, size)
