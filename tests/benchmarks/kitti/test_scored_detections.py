"""True and false positives among the detections in KITTI's evaluation."""
import numpy as np
import pytest
import torch

from mmdet3d_plugin.benchmarks.kitti.average_precision import evaluate_kitti, scored_detections
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.task_modules import PlattScaling
from mmdet3d_plugin.structures.object_table import ObjectTable

CLASSES = ('Car', 'Pedestrian', 'Cyclist')


def table(*rows):
    """Return objects from rows (name, x, score or None[, occlusion[, height in the image]])."""
    names, numbers = [], []
    for name, x, score, *rest in rows:
        occlusion, height = (*rest, *(0, 50)[len(rest):])
        numbers.append([0, occlusion, 0., 500 + 10 * x, 100, 600 + 10 * x, 100 + height, 1.5, 1.6,
                        4., x, 1.7, 10., 0.] + [score] * (score is not None))
        names.append(name)
    return ObjectTable.from_table(names, numbers)


def outcomes(truth, found, **options):
    """Return (score, whether true positive) pairs of the cars in one frame, sorted."""
    result, = scored_detections([truth], [found], ['Car'], **options)
    return sorted(zip(result.scores.tolist(), result.true_positives.tolist()))


def test_the_best_detection_of_a_label_is_a_true_positive():
    found = table(('Car', 0, .3), ('Car', .1, .8), ('Car', 20, .3), ('Cyclist', 0, .9))
    assert outcomes(table(('Car', 0, None)), found) == [(.3, False), (.3, False), (.8, True)]


def test_the_overlap_sets_the_true_positives():
    """Boxes of length 4 that are displaced by 1: IoU 3/5."""
    truth, found = table(('Car', 0, None)), table(('Car', 1, .6))
    assert outcomes(truth, found) == [(.6, True)]
    assert outcomes(truth, found, overlap='strict') == [(.6, False)]
    assert outcomes(truth, found, min_overlaps=dict(Car=(.7, .61))) == [(.6, False)]


def test_ignored_detections_are_left_out():
    truth = table(('Van', 0, None), ('Car', 10, None, 3), ('Car', 20, None))
    found = table(('Car', 0, .9), ('Car', 10, .8), ('Car', 20, .7, 0, 20), ('Car', 30, .6, 0, 20),
                  ('Car', 40, .5))
    # On a van, on a hidden car, two that are smaller than 25 pixels, and a false one
    assert outcomes(truth, found) == [(.5, False)]


def test_frames_without_objects():
    nothing = ObjectTable.from_table([], np.zeros((0, 14)))
    no_detections = ObjectTable.from_table([], np.zeros((0, 15)))
    result, = scored_detections([nothing], [no_detections], ['Car'])
    assert result.class_name == 'Car'
    assert not len(result.scores) and not len(result.true_positives)
    assert outcomes(nothing, table(('Car', 0, .4))) == [(.4, False)]
    with pytest.raises(InputError, match='DontCare'):
        scored_detections([nothing], [nothing], ['DontCare'])


def test_calibration_leaves_matches_and_ap_unchanged(random_frames):
    truths, found = random_frames(0, decimals=3)
    before = evaluate_kitti(truths, found, CLASSES).to_dict()
    counts = [(result.true_positives.sum(), len(result.true_positives))
              for result in scored_detections(truths, found, CLASSES)]
    assert all(0 < true < total for true, total in counts)
    calibration = PlattScaling(1)
    calibration.scale[0], calibration.offset[0] = 1.7, -.4
    for frame in found:
        scores = torch.from_numpy(frame.scores)
        frame.scores = calibration(scores, torch.zeros(len(scores), dtype=torch.long)).numpy()
    assert evaluate_kitti(truths, found, CLASSES).to_dict() == before
    assert counts == [(result.true_positives.sum(), len(result.true_positives))
                      for result in scored_detections(truths, found, CLASSES)]
