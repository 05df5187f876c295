"""Depth errors of matched objects by distance, against values worked out by hand."""
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.depth.object_errors import object_depth_errors
from mmdet3d_plugin.benchmarks.matching.image_overlaps import iou_2d
from mmdet3d_plugin.structures.object_table import ObjectTable

BINS = (0, 10, 20, 30)


def objects(*rows, scored=False):
    """Objects with (name, left edge of a 10 x 10 pixel box, depth[, score])."""
    table = [[0, 0, 0, left, 0, left + 10, 10, 1.5, 1.6, 4, 0, 1.6, depth, 0, *score]
             for _, left, depth, *score in rows]
    numbers = np.array([row[:2] + [0] + row[3:] for row in table], dtype=float)
    return ObjectTable.from_table([row[0] for row in rows],
                                  numbers.reshape(-1, 15 if scored else 14))


def test_iou():
    overlaps = iou_2d(np.array([[0., 0., 10., 10.]]),
                      np.array([[5., 0., 15., 10.], [20., 0., 30., 10.], [0., 0., 10., 10.]]))
    np.testing.assert_allclose(overlaps, [[50 / 150, 0, 1]])


def test_errors_per_bin():
    truths = [objects(('Car', 0, 5.), ('Car', 100, 15.), ('Car', 200, 25.), ('Van', 300, 5.)),
              objects(('Car', 0, 8.), ('Car', 50, 10.), ('Car', 90, 35.))]
    predictions = [
        objects(('Car', 1, 6., .9), ('Car', 101, 12., .8), ('Car', 300, 5., .7), scored=True),
        objects(('Car', 0, 11., .9), ('Car', 50, 10.5, .8), ('Car', 90, 36., .3), scored=True)]
    result = object_depth_errors(truths, predictions, 'Car', BINS)
    # 0-10 m: |6-5| and |11-8|; 10-20 m: |12-15| and |10.5-10|; 20-30 m: no match.
    np.testing.assert_allclose(result.mean_errors, [2., 1.75, np.nan])
    np.testing.assert_allclose(result.median_errors, [2., 1.75, np.nan])
    np.testing.assert_array_equal(result.matched, [2, 2, 0])
    np.testing.assert_array_equal(result.labels, [2, 2, 1])
    np.testing.assert_allclose(result.recall, [1., 1., 0.])
    # The label at 35 m counts in no bin, but its error is kept.
    np.testing.assert_allclose(result.depths, [5, 15, 8, 10, 35])
    np.testing.assert_allclose(result.errors, [1, 3, 3, .5, 1])


def test_mean_and_median_differ():
    truth = objects(*[('Car', 100 * i, 5.) for i in range(3)])
    predicted = objects(('Car', 0, 5.5, .9), ('Car', 100, 6., .9), ('Car', 200, 11., .9),
                        scored=True)
    result = object_depth_errors([truth], [predicted], 'Car', BINS)
    assert result.mean_errors[0] == pytest.approx(2.5)
    assert result.median_errors[0] == pytest.approx(1.)


def test_prediction_of_higher_score_is_matched_first():
    truth = objects(('Car', 0, 5.))
    predicted = objects(('Car', 0, 9., .3), ('Car', 1, 6., .9), scored=True)
    np.testing.assert_allclose(object_depth_errors([truth], [predicted], 'Car', BINS).errors, [1.])


def test_predictions_below_the_minimum_overlap_are_not_matched():
    truth = objects(('Car', 0, 5.))
    enough, too_little = (objects(('Car', left, 6., .9), scored=True) for left in (3, 4))
    # IoU after a shift of 3 pixels: 70 / 130 = 0.54; of 4 pixels: 60 / 140 = 0.43.
    assert len(object_depth_errors([truth], [enough], 'Car', BINS).errors) == 1
    assert len(object_depth_errors([truth], [too_little], 'Car', BINS).errors) == 0


def test_empty_frames():
    result = object_depth_errors([ObjectTable.empty()], [ObjectTable.empty(True)], 'Car', BINS)
    assert np.isnan(result.mean_errors).all() and np.isnan(result.recall).all()
    assert object_depth_errors([], [], 'Car', BINS).labels.sum() == 0


def test_different_numbers_of_frames_are_rejected():
    with pytest.raises(ValueError, match='2 frames of labels but 1'):
        object_depth_errors([ObjectTable.empty()] * 2, [ObjectTable.empty(True)], 'Car')
