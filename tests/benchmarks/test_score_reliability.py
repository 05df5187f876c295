"""Reliability of scores in small cases that are worked out by hand."""
import math

import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.score_reliability import reliability_bins


def test_bins_hold_their_lower_bound():
    scores = np.array([0., .05, .1, .15, .95, 1.])
    bins = reliability_bins(scores, np.array([0, 1, 1, 1, 1, 0], dtype=bool))
    assert bins.counts.tolist() == [2, 2, 2]
    np.testing.assert_allclose(bins.scores, [.025, .125, .975])
    np.testing.assert_allclose(bins.precisions, [.5, 1., .5])
    # The mean of .475, .875 and .475
    assert bins.calibration_error == pytest.approx(1.825 / 3)


def test_the_error_is_weighted_by_counts():
    scores, true_positives = np.array([.2, .2, .2, .8]), np.array([True, False, False, False])
    # 3/4 * (1/3 - .2) + 1/4 * .8
    assert reliability_bins(scores, true_positives).calibration_error == pytest.approx(.3)
    assert math.isnan(reliability_bins(scores[:0], true_positives[:0]).calibration_error)
