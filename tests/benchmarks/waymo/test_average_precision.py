"""Waymo's metric against a slow reference that follows the definition."""
import copy
import itertools
import math

import numpy as np
import pytest
from random_waymo import random_detections, random_labels
from shapely import Polygon

from mmdet3d_plugin.benchmarks.waymo.average_precision import (
    OFFICIAL_CUTOFFS,
    RANGES,
    box_overlaps,
    evaluate_waymo,
    quantile_cutoffs,
)
from mmdet3d_plugin.benchmarks.waymo.objects import TYPES, WaymoObjects
from mmdet3d_plugin.errors import InputError


def footprint(box):
    """Ground polygon of centre x, y, z, length, width, height and heading."""
    x, y, _, length, width, _, heading = box
    cos, sin = math.cos(heading), math.sin(heading)
    return Polygon([(x + cos * a - sin * b, y + sin * a + cos * b) for a, b in (
        (length / 2, width / 2), (-length / 2, width / 2), (-length / 2, -width / 2),
        (length / 2, -width / 2))])


def slow_overlap(a, b):
    area = footprint(a).intersection(footprint(b)).area
    height = min(a[2] + a[5] / 2, b[2] + b[5] / 2) - max(a[2] - a[5] / 2, b[2] - b[5] / 2)
    shared = area * max(height, 0)
    return shared / (a[3] * a[4] * a[5] + b[3] * b[4] * b[5] - shared)


def best_matching(weights):
    """Matching with the largest sum of weights, found by trying all matchings."""
    best, chosen = -1, []
    rows, columns = weights.shape
    for size in range(min(rows, columns) + 1):
        for picked in itertools.combinations(range(rows), size):
            for order in itertools.permutations(range(columns), size):
                pairs = list(zip(picked, order))
                if all(weights[pair] > 0 for pair in pairs):
                    total = sum(weights[pair] for pair in pairs)
                    if total > best:
                        best, chosen = total, pairs
    return chosen


def slow_area(points):
    """Area under points (recall, precision), with the loop of the released C++."""
    best = {0.: 1.}
    for recall, precision in points:
        best[recall] = max(best.get(recall, 0.), precision)
    curve, last, top = [], 0., 0.
    for recall in sorted(best, reverse=True):
        while last - recall > .05 + 1e-6:
            last -= .05
            curve.append((top, last))
        top = max(top, best[recall])
        curve.append((top, recall))
        last = recall
    if len(curve) >= 2:
        curve[-1] = (curve[-2][0], curve[-1][1])
    return sum((b[1] - a[1]) * (a[0] + b[0]) / 2 for b, a in zip(curve, curve[1:]))


def slow_result(labels, detections, name, min_overlap, range_name, level, cutoffs, levels):
    """AP and APH from true positives, false positives and missed labels per frame."""
    low, high = RANGES[range_name]

    def kept(objects):
        distance = np.linalg.norm(objects.boxes[:, :3], axis=1)
        return (objects.types == TYPES[name]) & (distance >= low) & (distance < high)

    frames = {*zip(labels.segments, labels.timestamps),
              *zip(detections.segments, detections.timestamps)}
    points, weighted = [], []
    for cutoff in cutoffs:
        true = false = missed = accuracy = 0
        for segment, time in frames:
            of_label = np.nonzero(kept(labels) & (labels.segments == segment)
                                  & (labels.timestamps == time))[0]
            of_detection = np.nonzero(
                kept(detections) & (detections.segments == segment)
                & (detections.timestamps == time) & (detections.scores >= cutoff))[0]
            overlaps = np.array([[slow_overlap(detections.boxes[d], labels.boxes[g])
                                  for d in of_detection] for g in of_label]).reshape(
                                      len(of_label), len(of_detection))
            weights = np.where(overlaps >= min_overlap, np.round(1e6 * overlaps), 0)
            pairs = best_matching(weights)
            true += len(pairs)
            false += len(of_detection) - len(pairs)
            unmatched = set(range(len(of_label))) - {row for row, _ in pairs}
            missed += sum(levels[of_label[row]] <= level for row in unmatched)
            for row, column in pairs:
                turn = (labels.boxes[of_label[row], 6]
                        - detections.boxes[of_detection[column], 6]) % (2 * math.pi)
                accuracy += 1 - min(turn, 2 * math.pi - turn) / math.pi
        recall = np.float32(true / (true + missed)) if true + missed else 0.
        found = true + false
        for store, value in ((points, true), (weighted, accuracy)):
            precision = value / found if found else 0.
            store.append((float(recall), 1. if recall == 0 else precision))
    return slow_area(points), slow_area(weighted)


@pytest.fixture(scope='module')
def objects():
    rng = np.random.default_rng(0)
    labels = random_labels(rng, num_frames=9, per_frame=4)
    return labels, random_detections(rng, labels)


@pytest.mark.parametrize('name, min_overlap', [
    ('Vehicle', .7), ('Vehicle', .5), ('Pedestrian', .3), ('Cyclist', .5)])
def test_official_results_agree_with_the_reference(objects, name, min_overlap):
    labels, detections = objects
    kept = labels[labels.num_points > 0]
    levels = [difficulty or (2 if points <= 5 else 1)
              for difficulty, points in zip(kept.difficulties, kept.num_points)]
    evaluation = evaluate_waymo(labels, detections, class_names=[name])
    compared = 0
    for item in evaluation.results:
        if item.min_overlap == min_overlap:
            ap, aph = slow_result(kept, detections, name, min_overlap, item.range_name,
                                  item.level, OFFICIAL_CUTOFFS[::4], levels)
            coarse = evaluate_on(labels, detections, name, item, OFFICIAL_CUTOFFS[::4])
            assert (coarse.ap, coarse.aph) == pytest.approx((ap, aph), abs=1e-6)
            compared += ap > 0
    assert compared >= 2


@pytest.mark.parametrize('name, min_overlap', [('Vehicle', .5), ('Pedestrian', .3)])
def test_deviant_results_agree_with_the_reference(objects, name, min_overlap):
    """Reference on rounded boxes in the camera frame, with that protocol's cutoffs, labels,
    levels and frames."""
    labels, detections = copy.deepcopy(objects)
    rng = np.random.default_rng(5)
    for item in (labels, detections):
        boxes = item.boxes
        item.camera_boxes = np.column_stack([
            -boxes[:, 1], 2 - boxes[:, 2], boxes[:, 0], boxes[:, 3], boxes[:, 5], boxes[:, 4],
            -boxes[:, 6]])
    labels.in_front = rng.random(len(labels)) < .8
    detections.segments[:4] = 'unlabelled'
    evaluation = evaluate_waymo(labels, detections, 'deviant', [name])
    kept = labels[(labels.num_points > 0) & labels.in_front]
    found = detections[detections.segments != 'unlabelled']
    for item in (kept, found):
        x, y, z, length, height, width, yaw = np.round(item.camera_boxes, 2).T
        item.boxes = np.stack([x, y, z, length, width, height, yaw], axis=1)
    found.scores = np.round(found.scores, 2)
    levels = [2 if points <= 5 else 1 for points in kept.num_points]
    cutoffs = quantile_cutoffs(found.scores, 11)
    for item in evaluation.results:
        if item.min_overlap == min_overlap:
            expected = slow_result(kept, found, name, min_overlap, item.range_name, item.level,
                                   cutoffs, levels)
            assert (item.ap, item.aph) == pytest.approx(expected, abs=1e-5), item.range_name


def test_recall_of_cars_with_depth_errors_in_both_modes():
    """200 cars at 20 m, seen from behind; the depth error has a standard deviation of 0.4 m.

    A shift s along a side a has the IoU (a - s) / (a + s), which is 0.7 at s = a * 0.3 / 1.7.
    The shift is along the length (4 m), but mode deviant sees it along the height (1.6 m).
    """
    rng = np.random.default_rng(0)
    errors = rng.normal(0, .4, 200)
    parts = {}
    for name, shift in (('labels', np.zeros(200)), ('found', errors)):
        boxes = np.tile([20., 0., .8, 4., 1.8, 1.6, 0.], (200, 1))
        cameras = np.tile([0., 1.6, 20., 4., 1.6, 1.8, -np.pi / 2], (200, 1))
        boxes[:, 0] += shift
        cameras[:, 2] += shift
        parts[name] = WaymoObjects(np.full(200, 's'), np.arange(200), np.ones(200, int), boxes,
                                   cameras)
    parts['labels'].num_points = np.full(200, 50)
    parts['found'].scores = rng.random(200).astype(np.float32)
    figure = {mode: figures(evaluate_waymo(parts['labels'], parts['found'], mode))[
        'Vehicle', 1, .7, 'all'] for mode in ('official', 'deviant')}
    for mode, limit in (('official', 4 * .3 / 1.7), ('deviant', 1.6 * .3 / 1.7)):
        assert figure[mode].recalls.max() == pytest.approx((np.abs(errors) < limit).mean(),
                                                           abs=.02)
    print({mode: round(100 * item.ap, 1) for mode, item in figure.items()})  # docs/datasets.md


def evaluate_on(labels, detections, name, item, cutoffs):
    """The same result at fewer cutoffs, since the reference is slow."""
    from unittest import mock
    with mock.patch('mmdet3d_plugin.benchmarks.waymo.average_precision.OFFICIAL_CUTOFFS', cutoffs):
        results = evaluate_waymo(labels, detections, class_names=[name]).results
    return next(other for other in results
                if (other.level, other.min_overlap, other.range_name)
                == (item.level, item.min_overlap, item.range_name))


def test_overlaps_equal_those_of_polygons():
    rng = np.random.default_rng(1)
    first = np.column_stack([rng.uniform(-1, 1, (300, 3)), rng.uniform(.5, 4, (300, 3)),
                             rng.uniform(-4, 4, 300)])
    second = np.column_stack([rng.uniform(-1, 1, (300, 3)), rng.uniform(.5, 4, (300, 3)),
                              rng.uniform(-4, 4, 300)])
    second[:20] = first[:20]  # identical
    second[20:40, 3:6], second[20:40, :3] = first[20:40, 3:6] / 2, first[20:40, :3]  # nested
    expected = [slow_overlap(a, b) for a, b in zip(first, second)]
    np.testing.assert_allclose(box_overlaps(first, second), expected, atol=1e-6)
    flat = first.copy()
    flat[:, 5] = .01
    assert (box_overlaps(flat, second) == 0).all()


def one_frame(boxes, types=1, **extra):
    """Objects of one frame; by default all are vehicles."""
    boxes = np.array(boxes, dtype=float)
    count = len(boxes)
    return WaymoObjects(np.full(count, 's'), np.zeros(count, np.int64), np.full(count, types),
                        boxes, **{key: np.array(value) for key, value in extra.items()})


def figures(evaluation):
    """Results by (class, level, minimum overlap, range)."""
    return {(item.class_name, item.level, item.min_overlap, item.range_name): item
            for item in evaluation.results}


def test_aph_of_a_perfect_and_of_a_reversed_detection():
    box = [10., 0., 1., 4., 2., 1.5, 0.]
    labels = one_frame([box], num_points=[50])
    for turn, aph in ((0., 1.), (np.pi, 0.)):
        found = figures(evaluate_waymo(labels, one_frame([[*box[:6], turn]], scores=[.5])))
        item = found['Vehicle', 1, .7, 'all']
        assert (item.ap, item.aph) == pytest.approx((1., aph))
        assert found['Vehicle', 1, .7, '[0, 30)'].ap == 1
        assert found['Vehicle', 1, .7, '[30, 50)'].ap == 0


def test_matches_to_level_2_are_true_positives_of_level_1():
    """Three labels; the second and the third are found.

    Levels 1, 1, 2: one label of level 1 is missed, so the recall is 2/3 at both levels.
    Levels 2, 1, 2: only a label of level 2 is missed, so the recall of level 1 is 1.
    """
    boxes = [[10., 0., 1., 4., 2., 1.5, 0.], [20., 0., 1., 4., 2., 1.5, 0.],
             [0., 15., 1., 4., 2., 1.5, 0.]]
    labels = one_frame(boxes, num_points=[50, 50, 3])
    item = figures(evaluate_waymo(labels, one_frame(boxes[1:], scores=[.9, .9])))
    assert item['Vehicle', 1, .7, 'all'].recalls[0] == pytest.approx(2 / 3)
    assert item['Vehicle', 2, .7, 'all'].recalls[0] == pytest.approx(2 / 3)
    labels.num_points[:] = 3, 50, 3
    item = figures(evaluate_waymo(labels, one_frame(boxes[1:], scores=[.9, .9])))
    assert item['Vehicle', 1, .7, 'all'].recalls[0] == pytest.approx(1.)
    labels.difficulties = np.array([1, 0, 0])  # the annotated level 1 replaces level 2
    item = figures(evaluate_waymo(labels, one_frame(boxes[1:], scores=[.9, .9])))
    assert item['Vehicle', 1, .7, 'all'].recalls[0] == pytest.approx(2 / 3)


def test_label_and_detection_in_different_ranges_are_not_matched():
    label, detection = [29.9, 0., 0., 4., 2., 1.5, 0.], [30.1, 0., 0., 4., 2., 1.5, 0.]
    item = figures(evaluate_waymo(one_frame([label], num_points=[9]),
                                  one_frame([detection], scores=[1.])))
    assert item['Vehicle', 1, .7, 'all'].ap == 1
    assert item['Vehicle', 1, .7, '[0, 30)'].ap == 0
    assert item['Vehicle', 1, .7, '[30, 50)'].ap == 0


def test_ap_without_labels_or_detections_is_0():
    box = [10., 0., 1., 4., 2., 1.5, 0.]
    empty = one_frame(np.zeros((0, 7)), scores=np.zeros(0, np.float32))
    assert all(item.ap == 0 for item in evaluate_waymo(
        one_frame([box], num_points=[0]), one_frame([box], scores=[.9])).results)
    assert all(item.ap == 0 for item in evaluate_waymo(
        one_frame([box], num_points=[9]), empty).results)
    assert all(item.ap == 0 for item in evaluate_waymo(
        one_frame(np.zeros((0, 7)), num_points=np.zeros(0, int)), empty).results)


def test_detections_in_no_label_zones_are_no_false_positives():
    """The first detection is matched, also in a zone. The second is unmatched."""
    boxes = [[10., 0., 1., 4., 2., 1.5, 0.], [20., 0., 1., 4., 2., 1.5, 0.]]
    labels = one_frame(boxes[:1], num_points=[50])
    for zones, precision in (([False, False], .5), ([False, True], 1.), ([True, True], 1.)):
        found = one_frame(boxes, scores=[.9, .9], in_no_label_zone=zones)
        item = figures(evaluate_waymo(labels, found))['Vehicle', 1, .7, 'all']
        assert item.precisions[0] == precision and item.recalls[0] == 1


def test_quantile_cutoffs():
    """Ten buckets of 23 scores have the sizes 2, 2, 2, 2, 2, 2, 2, 3, 3, 3."""
    scores = np.arange(23, dtype=np.float32) / 32
    starts = [0, 2, 4, 6, 8, 10, 12, 14, 17, 20]
    expected = [*(scores[index] for index in starts), 1.]
    rng = np.random.default_rng(0)
    assert quantile_cutoffs(rng.permutation(scores), 11).tolist() == expected
    np.testing.assert_allclose(quantile_cutoffs(scores[:5], 11), np.linspace(0, 1, 11), rtol=1e-6)


def test_deviant_mode_is_stricter_on_depth_errors():
    """A car 0.4 m too far: 10 % of its length, but 25 % of its height, which mode deviant
    puts along the depth axis."""
    label, detection = [0., 1.6, 20., 4., 1.6, 1.8, -1.57], [0., 1.6, 20.4, 4., 1.6, 1.8, -1.57]
    upright = [20., 0., 1., 4., 1.8, 1.6, 0.]
    labels = one_frame([upright], num_points=[20], camera_boxes=[label], in_front=[True])
    found = one_frame([[20.4, *upright[1:]]], scores=[.9], camera_boxes=[detection])
    official, deviant = (figures(evaluate_waymo(labels, found, mode))['Vehicle', 1, .7, 'all']
                         for mode in ('official', 'deviant'))
    assert official.ap == 1 and deviant.ap == 0
    labels.in_front[:] = False
    assert figures(evaluate_waymo(labels, found, 'deviant'))['Vehicle', 1, .5, 'all'].ap == 0


def test_error_names_the_invalid_input():
    box = [10., 0., 1., 4., 2., 1.5, 0.]
    labels, found = one_frame([box], num_points=[9]), one_frame([box], scores=[.9])
    with pytest.raises(InputError, match="mode is 'kitti', expected 'official' or 'deviant'"):
        evaluate_waymo(labels, found, 'kitti')
    with pytest.raises(InputError, match='Sign: no such class'):
        evaluate_waymo(labels, found, class_names=['Sign'])
    with pytest.raises(InputError, match='the files have no camera_boxes'):
        evaluate_waymo(labels, found, 'deviant')


def test_names_and_table_contain_the_mode():
    box = [10., 0., 1., 4., 2., 1.5, 0.]
    evaluation = evaluate_waymo(one_frame([box], num_points=[9]), one_frame([box], scores=[.9]))
    values = evaluation.to_dict()
    assert values['official/Vehicle_L1_APH_0.7_all'] == 100
    assert len(values) == 3 * 2 * 4 * 2 * 2
    table = evaluation.table().splitlines()
    assert 'mode official' in table[0] and table[2].split()[:3] == ['Vehicle', '0.7', '1']
