"""Outcomes of predictions: right, too far, too near, false, ignored; and missed labels."""
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.kitti.frame_outcomes import frame_outcomes
from mmdet3d_plugin.structures.object_table import ObjectTable

BOX = (100., 100., 200., 200.)


def table(*rows):
    """Objects from (class, left, top, right, bottom, depth[, score])."""
    numbers = [[0, 0, 0, *row[1:5], 1.5, 1.6, 4., 0., 1.6, *row[5:6], 0, *row[6:]]
               for row in rows]
    size = 15 if rows and len(rows[0]) == 7 else 14
    return ObjectTable.from_table([row[0] for row in rows],
                                  np.array(numbers, dtype=float).reshape(-1, size))


@pytest.mark.parametrize('depth, outcome', [
    (20.9, 'right'), (21.1, 'far'), (19.1, 'right'), (18.9, 'near')])
def test_depths_off_by_more_than_five_percent_are_errors(depth, outcome):
    found = frame_outcomes(table(('Car', *BOX, 20.)), table(('Car', *BOX, depth, .9)), ['Car'])
    assert found.outcomes.tolist() == [outcome]
    assert found.found.tolist() == [0] and found.finders.tolist() == [0]


def test_the_higher_score_claims_the_label_and_the_other_prediction_is_false():
    predictions = table(('Car', *BOX, 20., .3), ('Car', *BOX, 30., .8))
    found = frame_outcomes(table(('Car', *BOX, 20.)), predictions, ['Car'])
    assert found.outcomes.tolist() == ['false', 'far']
    assert found.finders.tolist() == [1]
    assert found.errors(predictions.scores, .1) == dict(missed=0, false=1, far=1, near=0)
    assert found.errors(predictions.scores, .5) == dict(missed=0, false=0, far=1, near=0)
    assert found.errors(predictions.scores, .9) == dict(missed=1, false=0, far=0, near=0)


@pytest.mark.parametrize('right, outcome', [(151., 'right'), (149., 'false')])
def test_a_match_needs_half_of_the_overlap(right, outcome):
    """The label is 100 pixels wide, so a prediction inside it has its width as IoU in percent."""
    predictions = table(('Car', 100., 100., right, 200., 20., .9))
    assert frame_outcomes(table(('Car', *BOX, 20.)), predictions, ['Car']
                          ).outcomes.tolist() == [outcome]


def test_classes_do_not_find_each_other_and_case_does_not_matter():
    labels = table(('Pedestrian', *BOX, 20.), ('car', 300., 100., 400., 200., 20.))
    predictions = table(('Car', *BOX, 20., .9), ('CAR', 300., 100., 400., 200., 20., .9))
    found = frame_outcomes(labels, predictions, ['Car', 'Pedestrian'])
    assert found.outcomes.tolist() == ['false', 'right']
    assert found.finders.tolist() == [-1, 1]


def test_labels_that_need_not_be_found():
    labels = table(('Car', *BOX, 20.), ('Car', 300., 100., 400., 124., 20.),
                   ('Van', 500., 100., 600., 200., 20.),
                   ('DontCare', 700., 100., 800., 200., -1000.))
    labels.occlusions[0] = 3  # beyond hard; the second label is 24 pixels high
    predictions = table(('Car', *BOX, 40., .9), ('Car', 300., 100., 400., 124., 20., .9),
                        ('Car', 500., 100., 600., 200., 20., .9),
                        ('Car', 751., 100., 849., 200., 20., .9),
                        ('Car', 749., 100., 847., 200., 20., .9),
                        ('Van', 500., 100., 600., 200., 20., .9))
    found = frame_outcomes(labels, predictions, ['Car'])
    # The fourth prediction has 49 of 98 columns in the DontCare region, the fifth 51.
    assert found.outcomes.tolist() == ['ignored'] * 3 + ['ignored', 'ignored', 'ignored']
    predictions.boxes_2d[3] += [1, 0, 1, 0]
    assert frame_outcomes(labels, predictions, ['Car']).outcomes.tolist()[3] == 'false'
    assert found.counted.tolist() == [False] * 4
    assert found.errors(predictions.scores, 1.) == dict(missed=0, false=0, far=0, near=0)


def test_empty_frames():
    empty, nothing = table(), table(('Car', *BOX, 20., .9))[:0]
    assert frame_outcomes(empty, nothing, ['Car']).errors(nothing.scores, 0.) == dict(
        missed=0, false=0, far=0, near=0)
    missed = frame_outcomes(table(('Car', *BOX, 20.)), nothing, ['Car'])
    assert missed.errors(nothing.scores, 0.)['missed'] == 1
