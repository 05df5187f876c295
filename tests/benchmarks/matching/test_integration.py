"""Areas under precision-recall curves, against plain loops, and matching by score."""
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.matching.assignment import claims_by_score
from mmdet3d_plugin.benchmarks.matching.integration import area_under_curve, precision_envelope


def slow_area(precisions, recalls):
    """Add points so that recalls are at most 0.05 apart; then sum up trapezoids."""
    best = {0.: 1.}
    for recall, precision in zip(recalls, precisions):
        best[recall] = max(best.get(recall, 0.), precision)
    curve, last, top = [], 0., 0.
    for recall in sorted(best, reverse=True):
        while last - recall > .05 + 1e-6:
            last -= .05
            curve.append([last, top])
        top = max(top, best[recall])
        curve.append([recall, top])
        last = recall
    if len(curve) > 1:
        curve[-1][1] = curve[-2][1]
    return sum((a[0] - b[0]) * (a[1] + b[1]) / 2 for a, b in zip(curve, curve[1:]))


@pytest.mark.parametrize('seed', range(20))
def test_area_agrees_with_a_loop(seed):
    rng = np.random.default_rng(seed)
    count = rng.integers(1, 12)
    recalls = np.round(rng.random(count) * 20) / 20 if seed % 2 else rng.random(count)
    precisions = rng.random(count)
    assert area_under_curve(precisions, recalls) == pytest.approx(
        slow_area(precisions, recalls), abs=1e-6)


@pytest.mark.parametrize('precisions, recalls, area', [
    ([], [], 0.), ([1.], [0.], 0.), ([.5], [1.], .5),
    # Precision 0.5 from recall 1 to 0.55, linear to precision 1 at 0.5, 1 below.
    ([.5, 1.], [1., .5], .45 * .5 + .05 * .75 + .5 * 1.),
    ([.4, .6], [.04, .02], .02 * .6 + .02 * .5)])
def test_area_of_known_curves(precisions, recalls, area):
    assert area_under_curve(np.array(precisions), np.array(recalls)) == pytest.approx(area)


def test_precision_envelope():
    assert precision_envelope(np.array([[.2, .9, .3, .5]])).tolist() == [[.9, .9, .5, .5]]


def test_claims_by_score():
    """Detection 1 takes label 1, 0 takes label 0, and 3 overlaps too little."""
    overlaps = np.array([[.6, .9], [.8, .95], [.7, .2], [.3, .4]])
    labels, detections = claims_by_score(overlaps, np.array([.5, .9, .1, .8]), .5)
    assert list(zip(labels, detections)) == [(1, 1), (0, 0)]
    assert len(claims_by_score(np.zeros((2, 0)), np.ones(2), .5)[0]) == 0
