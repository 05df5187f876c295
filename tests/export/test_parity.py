"""Comparison of two predictions."""
import math

import numpy as np
import pytest

from mmdet3d_plugin.export.parity import (
    DetectionSet,
    Errors,
    compare_depths,
    compare_detections,
    total,
)


def detections(rows, labels=None):
    """Return detections of rows (x, z, length, yaw, score, left)."""
    rows = np.array(rows, dtype=float).reshape(-1, 6)
    x, z, length, yaw, score, left = rows.T
    one = np.ones_like(x)
    return DetectionSet(np.stack([x, one, z, length, one, one, yaw], axis=1), score,
                        np.zeros(len(x), int) if labels is None else np.array(labels),
                        np.stack([left, 0 * left, left + 9, 9 * one], axis=1))


def test_largest_differences_of_each_kind():
    expected = detections([[0, 20, 4, math.pi - .01, .9, 5], [5, 30, 4, 0, .5, 50]])
    found = detections([[5, 30.25, 4, .125, .4, 50], [0, 20, 4.5, .01 - math.pi, .9, 8]])
    errors = compare_detections(expected, found)
    assert errors == Errors(metres=pytest.approx(.5), radians=pytest.approx(.125),
                            score=pytest.approx(.1), pixels=pytest.approx(3.),
                            compared=2, unmatched=0)


def test_yaws_are_compared_around_the_circle():
    near = [detections([[0, 20, 4, yaw, .9, 5]]) for yaw in (math.pi - .01, .01 - math.pi)]
    assert compare_detections(*near).radians == pytest.approx(.02)


def test_unmatched_detections():
    """One is 3 m away, one has another label, and one is missing."""
    expected = detections([[0, 20, 4, 0, .9, 5], [9, 20, 4, 0, .9, 5], [20, 20, 4, 0, .9, 5]],
                          [0, 1, 1])
    found = detections([[0, 23, 4, 0, .9, 5], [9, 20, 4, 0, .9, 5]], [0, 0])
    errors = compare_detections(expected, found)
    assert (errors.compared, errors.unmatched, errors.metres) == (0, 5, 0.)
    empty = detections([])
    assert compare_detections(empty, found).unmatched == 2
    assert compare_detections(empty, empty) == Errors()


def test_an_undefined_box_is_unmatched():
    errors = compare_detections(detections([[0, 20, 4, 0, .9, 5]]),
                                detections([[np.nan, 20, 4, 0, .9, 5]]))
    assert errors.unmatched == 2


def test_tolerances():
    assert Errors(metres=.001, radians=.001, score=.0001).within(.001, .0001)
    assert not Errors(metres=.0011).within(.001, .0001)
    assert not Errors(radians=.0011).within(.001, .0001)
    assert not Errors(score=.00011).within(.001, .0001)
    assert not Errors(unmatched=1).within(.001, .0001)
    assert not Errors(metres=float('nan')).within(.001, .0001)


def test_totals_keep_the_largest_error_and_an_undefined_one():
    errors = total([Errors(metres=1., score=.5, compared=2), Errors(metres=2., unmatched=1)])
    assert errors == Errors(metres=2., score=.5, compared=2, unmatched=1)
    assert math.isnan(total([Errors(metres=float('nan')), Errors(metres=2.)]).metres)


def test_depth_maps():
    errors = compare_depths(np.array([[1., 2.]]), np.array([[1., 2.5]]))
    assert (errors.metres, errors.compared) == (.5, 2)
