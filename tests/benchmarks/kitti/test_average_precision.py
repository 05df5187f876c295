"""KITTI evaluation of small cases that are worked out by hand."""
import math

import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.kitti.average_precision import (
    DIFFICULTIES,
    OVERLAPS,
    evaluate_kitti,
)
from mmdet3d_plugin.benchmarks.kitti.overlaps import METRICS
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.structures.object_table import ObjectTable


def objects(count, name='Car', image=(0, 0, 100, 50), x=0., score=None, alpha=0., **columns):
    """``count`` equal objects at the same place."""
    row = [0, 0, alpha, *image, 1.5, 1.6, 4, x, 1.7, 10, 0]
    rows = [row + [score] * (score is not None)] * count
    table = ObjectTable.from_table([name] * count, rows if count else np.zeros(
        (0, 14 + (score is not None))))
    for column, value in columns.items():
        getattr(table, column)[:] = value
    return table


def join(*parts):
    """All objects of several tables as one table."""
    return ObjectTable.from_table(
        np.concatenate([part.names for part in parts]),
        np.concatenate([np.column_stack([column for key, column in vars(part).items()
                                         if key != 'names' and column is not None])
                        for part in parts]))


def evaluate(label, detection, frames=41, classes=('Car',)):
    """Evaluate equal frames; return the values by name without the class."""
    values = evaluate_kitti([label] * frames, [detection] * frames, classes).to_dict()
    return {name.split('_', 1)[1]: value for name, value in values.items()}


@pytest.mark.parametrize('labels, r40, r11', [
    # n perfect detections reach the first n of the 41 recalls, and R40 skips recall 0.
    (1, 0, 100 / 11), (2, 100 / 40, 100 / 11), (10, 900 / 40, 300 / 11),
    (40, 3900 / 40, 1000 / 11), (41, 100, 100), (1000, 100, 100)])
def test_perfect_detections(labels, r40, r11):
    values = evaluate(objects(1), objects(1, score=.9), frames=labels)
    for metric in (*METRICS, 'AOS'):
        for difficulty in DIFFICULTIES:
            for strictness in OVERLAPS:
                assert values[f'{metric}_AP40_{difficulty}_{strictness}'] == pytest.approx(r40)
                assert values[f'{metric}_AP11_{difficulty}_{strictness}'] == pytest.approx(r11)


@pytest.mark.parametrize('score, expected', [(.95, 50), (.5, 50), (.1, 100)])
def test_false_positives_count_at_thresholds_up_to_their_score(score, expected):
    wrong = objects(1, image=(500, 0, 600, 50), x=50, score=score)
    values = evaluate(objects(1), join(objects(1, score=.5), wrong))
    assert values['2D_AP40_easy_strict'] == values['3D_AP11_hard_loose'] == expected


def test_second_detection_of_a_label_is_a_false_positive():
    values = evaluate(objects(1), join(objects(1, score=.5), objects(1, score=.5)))
    assert values['2D_AP40_easy_strict'] == 50


def test_precision_is_0_at_recalls_that_are_not_reached():
    labels = [objects(1)] * 100
    found = [objects(1, score=.5)] * 50 + [objects(0, score=.5)] * 50
    curve = evaluate_kitti(labels, found, ('Car',)).precision[0, 0, 0, 0]
    assert curve.tolist() == [1] * 21 + [0] * 20


@pytest.mark.parametrize('name, strict, loose', [('Car', .7, .5), ('Pedestrian', .5, .25),
                                                 ('Cyclist', .5, .25)])
def test_overlap_must_exceed_the_minimum(name, strict, loose):
    for limit, strictness in ((strict, 'strict'), (loose, 'loose')):
        for share, expected in ((limit, 0), (limit + .01, 100)):
            found = objects(1, name, image=(0, 0, 1000 * share, 50), score=.5, sizes_hwl=(
                1.5, 1.6 * share, 4), rotations_y=np.pi)
            values = evaluate(objects(1, name, image=(0, 0, 1000, 50)), found, classes=(name,))
            if strictness == 'strict':
                assert values['2D_AP40_easy_strict'] == expected
            if share != limit:  # exactly at the limit, the result depends on rounding
                assert values[f'BEV_AP40_easy_{strictness}'] == expected
                assert values[f'3D_AP40_easy_{strictness}'] == expected


@pytest.mark.parametrize('share, expected', [(.69, 0), (.71, 100)])
def test_loose_2d_and_aos_keep_the_strict_overlap(share, expected):
    """As mmdet3d's table of these names: only BEV and 3D are loosened."""
    found = objects(1, image=(0, 0, 1000 * share, 50), score=.5)
    values = evaluate(objects(1, image=(0, 0, 1000, 50)), found)
    for metric in ('2D', 'AOS'):
        assert values[f'{metric}_AP40_easy_loose'] == expected
        assert values[f'{metric}_AP40_easy_strict'] == expected
    assert values['3D_AP40_easy_loose'] == values['BEV_AP40_easy_loose'] == 100


@pytest.mark.parametrize('columns, counts', [
    ({}, (1, 1, 1)), ({'occlusions': 1}, (0, 1, 1)), ({'occlusions': 2}, (0, 0, 1)),
    ({'occlusions': 3}, (0, 0, 0)), ({'truncations': .15}, (1, 1, 1)),
    ({'truncations': .16}, (0, 1, 1)), ({'truncations': .31}, (0, 0, 1)),
    ({'truncations': .51}, (0, 0, 0)), ({'boxes_2d': (0, 0, 100, 40)}, (0, 1, 1)),
    ({'boxes_2d': (0, 0, 100, 40.1)}, (1, 1, 1)), ({'boxes_2d': (0, 0, 100, 25)}, (0, 0, 0))])
def test_difficulty_of_labels(columns, counts):
    evaluation = evaluate_kitti([objects(1, **columns)], [objects(1, score=1.)], ('Car',))
    assert evaluation.label_counts.tolist() == [list(counts)]


@pytest.mark.parametrize('ignored', [
    {'occlusions': 3}, {'truncations': .9}, {'name': 'Van'}, {'name': 'vAN'}])
def test_ignored_labels_are_matched_to_detections(ignored):
    far = {'image': (500, 0, 600, 50), 'x': 50}
    label = join(objects(1), objects(1, **far, **ignored))
    values = evaluate(label, join(objects(1, score=.5), objects(1, **far, score=.9)))
    assert values['2D_AP40_hard_strict'] == values['3D_AP40_hard_strict'] == 100


def test_labels_of_other_classes_are_not_matched():
    far = {'image': (500, 0, 600, 50), 'x': 50}
    for name in ('Truck', 'Person_sitting', 'Pedestrian'):
        label = join(objects(1), objects(1, name, **far))
        values = evaluate(label, join(objects(1, score=.5), objects(1, **far, score=.9)))
        assert values['2D_AP40_hard_strict'] == values['3D_AP40_hard_strict'] == 50


def test_detections_in_dont_care_regions_are_no_false_positives_in_2d():
    region = objects(1, 'DontCare', image=(400, 0, 700, 100), sizes_hwl=-1, locations=-1000)
    stray = objects(1, image=(500, 0, 600, 50), x=50, score=.9)
    values = evaluate(join(objects(1), region), join(objects(1, score=.5), stray))
    assert values['2D_AP40_easy_strict'] == values['AOS_AP40_easy_strict'] == 100
    assert values['BEV_AP40_easy_strict'] == values['3D_AP40_easy_strict'] == 50


def test_detections_below_the_minimum_height_are_no_false_positives():
    for height, expected in ((24.9, (100, 100)), (25, (100, 50)), (40, (50, 50))):
        stray = objects(1, image=(500, 0, 600, height), x=50, score=.9)
        values = evaluate(objects(1), join(objects(1, score=.5), stray))
        assert (values['2D_AP40_easy_strict'], values['2D_AP40_hard_strict']) == expected


def test_small_detection_of_any_class_is_matched_in_the_score_pass():
    small = objects(1, 'Pedestrian', image=(0, 0, 100, 20), score=.9)
    values = evaluate(objects(1), join(objects(1, score=.5), small))
    assert values['2D_AP40_easy_strict'] == 100  # the image boxes do not overlap enough
    assert values['3D_AP40_easy_strict'] == 0  # the 3D boxes do


def test_upper_and_lower_case_names_are_the_same_class():
    assert evaluate(objects(1, 'CAR'), objects(1, 'car', score=.5))['3D_AP40_easy_strict'] == 100


@pytest.mark.parametrize('turn, share', [(0, 1), (np.pi / 3, .75), (np.pi / 2, .5), (np.pi, 0)])
def test_orientation_similarity(turn, share):
    values = evaluate(objects(1, alpha=.3), objects(1, score=.5, alpha=.3 + turn))
    assert values['AOS_AP40_easy_strict'] == pytest.approx(100 * share)
    assert values['2D_AP40_easy_strict'] == 100


def test_one_detection_without_alpha_makes_aos_undefined():
    found = [objects(1, score=.5)] * 40 + [objects(1, 'Cyclist', score=.5, alpha=-10.)]
    evaluation = evaluate_kitti([objects(1)] * 41, found, ('Car',))
    assert np.isnan(evaluation.orientation).all()
    assert not np.isnan(evaluation.precision).any()
    assert 'alpha is -10' in evaluation.table()


def test_one_label_without_alpha_makes_aos_of_its_class_undefined():
    """DontCare regions and classes that are not evaluated have no observation angle."""
    labels = [join(objects(1), objects(1, 'Cyclist', x=9., image=(200, 0, 300, 50)),
                   objects(1, 'DontCare', image=(900, 0, 950, 50), alpha=-10.),
                   objects(1, 'Van', x=30., image=(600, 0, 700, 50), alpha=-10.))] * 41
    found = [join(objects(1, score=.5),
                  objects(1, 'Cyclist', x=9., image=(200, 0, 300, 50), score=.5))] * 41
    evaluation = evaluate_kitti(labels, found, ('Car', 'Cyclist', 'Pedestrian'))
    assert not np.isnan(evaluation.orientation[:2]).any()
    assert 'AOS of' not in evaluation.table()
    labels[7] = join(objects(1), objects(1, 'Cyclist', x=9., image=(200, 0, 300, 50), alpha=-10.))
    evaluation = evaluate_kitti(labels, found, ('Car', 'Cyclist', 'Pedestrian'))
    assert not np.isnan(evaluation.orientation[0]).any()
    assert np.isnan(evaluation.orientation[1]).all()
    assert not np.isnan(evaluation.precision[:2]).any()
    assert evaluation.table().splitlines()[-1].startswith('AOS of Cyclist: - because a label')


@pytest.mark.usefixtures('float_errors_raise')
def test_detections_without_3d_box_have_ap_in_2d_only():
    found = objects(1, score=.5, sizes_hwl=-1, locations=-1000, rotations_y=-10)
    values = evaluate(objects(1), found)
    assert values['2D_AP40_easy_strict'] == 100 and values['3D_AP40_easy_strict'] == 0


@pytest.mark.usefixtures('float_errors_raise')
def test_classes_without_labels_or_detections():
    labels = [join(objects(1), objects(1, 'Pedestrian'))] * 41
    evaluation = evaluate_kitti(labels, [objects(1, score=.5)] * 41)
    values = evaluation.to_dict()
    assert values['Car_3D_AP40_easy_strict'] == 100
    assert values['Pedestrian_3D_AP40_easy_strict'] == 0
    assert math.isnan(values['Cyclist_3D_AP40_easy_strict'])
    assert 'Cyclist: - because' in evaluation.table()
    only_found = evaluate_kitti([objects(0)], [objects(1, score=.5)], ('Car',))
    assert (only_found.precision == 0).all()
    assert 'Car: 0 at easy, moderate, hard' in only_found.table()


@pytest.mark.usefixtures('float_errors_raise')
def test_no_frames():
    assert np.isnan(evaluate_kitti([], []).precision).all()


def test_names_and_shapes():
    evaluation = evaluate_kitti([objects(1)], [objects(1, score=.5)])
    values = evaluation.to_dict()
    assert len(values) == 3 * 4 * 2 * 3 * 2
    assert {'Car_3D_AP40_moderate_strict', 'Pedestrian_BEV_AP11_hard_loose',
            'Cyclist_2D_AP40_easy_strict', 'Car_AOS_AP11_easy_loose'} <= set(values)
    assert evaluation.precision.shape == (3, 3, 3, 2, 41)
    assert evaluation.orientation.shape == (3, 3, 2, 41)
    np.testing.assert_allclose(evaluation.recall, np.linspace(0, 1, 41))
    assert len(evaluate_kitti([], [], ('Car', 'Car')).classes) == 1


@pytest.mark.parametrize('classes', [('Car', 'DontCare'), ('car', 'Car'), ()])
def test_classes_that_cannot_be_evaluated_are_rejected(classes):
    with pytest.raises(InputError, match='^KITTI: '):
        evaluate_kitti([], [], classes)


def test_different_numbers_of_frames_are_rejected():
    with pytest.raises(ValueError, match='2 frames of labels but 1 frames'):
        evaluate_kitti([objects(1)] * 2, [objects(1, score=.5)])
