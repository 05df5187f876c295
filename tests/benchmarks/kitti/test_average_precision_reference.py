"""KITTI evaluation against a brute-force reference: the rules in plain loops."""
import math
from types import SimpleNamespace

import numpy as np
import pytest
from shapely.geometry import Polygon

from mmdet3d_plugin.benchmarks.kitti.average_precision import (
    DIFFICULTIES,
    OVERLAPS,
    evaluate_kitti,
)
from mmdet3d_plugin.benchmarks.kitti.matching import recall_thresholds
from mmdet3d_plugin.benchmarks.kitti.overlaps import METRICS

CLASSES = ('Car', 'Pedestrian', 'Cyclist')


def image_overlap(detection, label, of_detection):
    left, top, right, bottom = detection.boxes_2d
    other = label.boxes_2d
    width = min(right, other[2]) - max(left, other[0])
    height = min(bottom, other[3]) - max(top, other[1])
    if width <= 0 or height <= 0:
        return 0
    area = (right - left) * (bottom - top)
    union = area + (other[2] - other[0]) * (other[3] - other[1]) - width * height
    return width * height / (area if of_detection else union)


def outline(box):
    _, width, length = box.sizes_hwl
    cos, sin = math.cos(box.rotations_y), math.sin(box.rotations_y)
    return Polygon([(box.locations[0] + cos * a * length + sin * b * width,
                     box.locations[2] - sin * a * length + cos * b * width)
                    for a, b in ((.5, .5), (.5, -.5), (-.5, -.5), (-.5, .5))])


def space_overlap(detection, label, of_detection, with_height):
    ground = outline(detection).intersection(outline(label)).area
    sizes = [box.sizes_hwl[1] * box.sizes_hwl[2] for box in (detection, label)]
    if with_height:
        (y, other), (h, other_h) = (detection.locations[1], label.locations[1]), (
            detection.sizes_hwl[0], label.sizes_hwl[0])
        ground *= max(0, min(y, other) - max(y - h, other - other_h))
        sizes = sizes[0] * h, sizes[1] * other_h
    return ground / (sizes[0] if of_detection else sizes[0] + sizes[1] - ground) if ground else 0


def overlap(metric, detection, label, of_detection=False):
    if metric == '2D':
        return image_overlap(detection, label, of_detection)
    return space_overlap(detection, label, of_detection, with_height=metric == '3D')


def label_state(label, name, level):
    """0: must be found; 1: ignored; -1: does not take part."""
    other = str(label.names).lower()
    if other != name.lower():
        return 1 if (name, other) in (('Car', 'van'), ('Pedestrian', 'person_sitting')) else -1
    hard = (label.occlusions > level or label.truncations > (.15, .3, .5)[level]
            or label.boxes_2d[3] - label.boxes_2d[1] <= (40, 25, 25)[level])
    return int(hard)


def detection_state(detection, name, level):
    """0: true or false positive; 1: too small; -1: does not take part."""
    if int(abs(detection.boxes_2d[1] - detection.boxes_2d[3])) < (40, 25, 25)[level]:
        return 1
    return 0 if str(detection.names).lower() == name.lower() else -1


def match_frame(frame, label_states, states, limit, threshold):
    """Scores and similarities of the true positives, and the number of false positives."""
    labels, detections, ious, dont_care_coverages = frame
    free = [threshold is None or found.scores >= threshold for found in detections]
    scores, similarities = [], []
    for i, label in enumerate(labels):
        if label_states[i] == -1:
            continue
        able = [j for j in range(len(detections))
                if free[j] and states[j] != -1 and ious[i][j] > limit]
        if threshold is None:
            best = max(able, key=lambda j: detections[j].scores, default=None)
        else:
            best = max((j for j in able if states[j] == 0), key=lambda j: ious[i][j],
                       default=next(iter(able), None))
        if best is None:
            continue
        free[best] = False
        if label_states[i] == 0 and states[best] == 0:
            scores.append(detections[best].scores)
            similarities.append((1 + math.cos(label.alphas - detections[best].alphas)) / 2)
    false = sum(free[j] and states[j] == 0 and not any(
        cover[j] > limit for cover in dont_care_coverages) for j in range(len(detections)))
    return scores, similarities, false


def reference_thresholds(scores, count):
    scores, thresholds, current = sorted(scores, reverse=True), [], 0
    for i, score in enumerate(scores):
        here = (i + 1) / count
        last = i == len(scores) - 1
        after = here if last else (i + 2) / count
        if not last and after - current < current - here:
            continue
        thresholds.append(score)
        current += 1 / 40
    return thresholds


def reference_curves(frames, name, level, limit):
    if not any(str(box.names).lower() == name.lower() for frame in frames
               for box in frame[0] + frame[1]):
        return [[math.nan] * 41] * 2
    states = [([label_state(label, name, level) for label in frame[0]],
               [detection_state(found, name, level) for found in frame[1]]) for frame in frames]
    count = sum(of_labels.count(0) for of_labels, _ in states)
    first = [match_frame(frame, *state, limit, None) for frame, state in zip(frames, states)]
    precision, orientation = [0] * 41, [0] * 41
    for step, threshold in enumerate(
            reference_thresholds([score for scores, *_ in first for score in scores], count)):
        results = [match_frame(frame, *state, limit, threshold)
                   for frame, state in zip(frames, states)]
        true = sum(len(scores) for scores, *_ in results)
        total = true + sum(false for *_, false in results)
        if total:
            precision[step] = true / total
            orientation[step] = sum(sum(values) for _, values, _ in results) / total
    return [[max(curve[step:]) for step in range(41)] for curve in (precision, orientation)]


def single_objects(objects):
    return [SimpleNamespace(**{name: column[index] for name, column in vars(objects).items()
                               if column is not None}) for index in range(len(objects))]


def reference_frames(truths, found, metric):
    """Labels, detections, overlaps and coverages by DontCare regions of each frame."""
    frames = []
    for truth, detections in zip(truths, found):
        labels, detections = single_objects(truth), single_objects(detections)
        regions = [label for label in labels if str(label.names).lower() == 'dontcare']
        frames.append((labels, detections,
                       [[overlap(metric, found, label) for found in detections]
                        for label in labels],
                       [[overlap(metric, found, region, True) for found in detections]
                        for region in regions]))
    return frames


def assert_agrees(truths, found, classes=CLASSES):
    evaluation = evaluate_kitti(truths, found, classes)
    for m, metric in enumerate(METRICS):
        frames = reference_frames(truths, found, metric)
        for c, name in enumerate(classes):
            for cell in np.ndindex(len(DIFFICULTIES), len(OVERLAPS)):
                limits = (.7, .5) if name == 'Car' else (.5, .25)
                limit = limits[0 if metric == '2D' else cell[1]]
                precision, orientation = reference_curves(frames, name, cell[0], limit)
                np.testing.assert_allclose(evaluation.precision[(c, m, *cell)], precision,
                                           atol=1e-6, err_msg=str((name, metric, cell)))
                if metric == '2D':
                    np.testing.assert_allclose(evaluation.orientation[c][cell], orientation,
                                               atol=1e-6)
    return evaluation


@pytest.mark.parametrize('seed', range(4))
def test_agrees_with_the_reference_on_random_frames(random_frames, seed):
    evaluation = assert_agrees(*random_frames(seed, frames=48, labels=12, detections=20))
    assert np.mean(evaluation.precision.any(axis=-1)) > .6


def test_agrees_with_the_reference_without_ties(random_frames):
    assert_agrees(*random_frames(10, frames=12, decimals=6))


@pytest.mark.parametrize('seed', range(20, 32))
def test_agrees_with_the_reference_on_single_frames(random_frames, seed):
    assert_agrees(*random_frames(seed, frames=1, labels=4, detections=8))


def test_agrees_with_the_reference_where_thresholds_skip_scores(random_frames):
    truths, found = random_frames(40, frames=150, labels=12, detections=20, decimals=3)
    evaluation = assert_agrees(truths, found, ('Car',))
    assert evaluation.label_counts[0, 2] > 60


@pytest.mark.parametrize('found, count', [
    (0, 5), (1, 1), (39, 40), (41, 41), (42, 42), (100, 100), (100, 130), (300, 300), (700, 700),
    (2999, 3001), (30, 5000)])
def test_recall_thresholds_agree_with_the_reference(found, count):
    scores = np.random.default_rng(found).random(found).round(2)
    assert recall_thresholds(scores, count).tolist() == reference_thresholds(scores, count)


# Values of the development kit's C++ algorithm with Boost.Geometry 1.74, for the frames of
# seed 7.
DEVELOPMENT_KIT = {
    'Car_2D_AP40_easy_strict': 0.3874714,
    'Car_AOS_AP40_hard_strict': 11.6556642,
    'Car_BEV_AP40_moderate_strict': 5.3677301,
    'Car_3D_AP40_moderate_strict': 4.1938559,
    'Car_3D_AP11_hard_loose': 15.4344627,
    'Pedestrian_2D_AP40_moderate_strict': 2.4962172,
    'Pedestrian_BEV_AP40_hard_loose': 17.0732715,
    'Pedestrian_3D_AP40_moderate_strict': 2.1723443,
    'Cyclist_3D_AP40_moderate_loose': 2.4842109,
    'Cyclist_AOS_AP11_hard_strict': 13.1892776,
}


def test_agrees_with_the_development_kit(random_frames):
    values = evaluate_kitti(*random_frames(7, frames=150)).to_dict()
    for name, expected in DEVELOPMENT_KIT.items():
        assert values[name] == pytest.approx(expected, abs=1e-6), name
