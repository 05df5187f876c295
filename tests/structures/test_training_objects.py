"""Reasons why objects are dropped, and their numbers."""
import numpy as np
import pytest

from mmdet3d_plugin.structures.training_objects import (
    HIDDEN,
    KEPT,
    OUTSIDE,
    REASONS,
    TRUNCATED,
    ObjectCounts,
    ObjectLimits,
)

LIMITS = ObjectLimits(min_height=25, max_truncation=.5, max_occlusion=2, depth_range=(2., 65.))


def reasons_of(height=30., truncation=0., occlusion=0, depth=10., limits=LIMITS, label=0):
    found = limits.drop_reasons(np.array([[5., 10., 8., 10. + height]]), np.array([truncation]),
                                np.array([occlusion]), np.array([depth]), np.array([label]))
    return None if found[0] == KEPT else REASONS[found[0]]


@pytest.mark.parametrize('values, reason', [
    (dict(height=24.), None), (dict(height=23.9), 'too small'),  # the height counts plus one
    (dict(truncation=.5), None), (dict(truncation=.51), 'truncated'),
    (dict(occlusion=2), None), (dict(occlusion=3), 'hidden'),
    (dict(depth=2.), None), (dict(depth=65.), None),
    (dict(depth=1.99), 'depth'), (dict(depth=65.1), 'depth'), (dict(depth=np.nan), 'depth'),
    # the first of several reasons
    (dict(height=10., occlusion=3, truncation=.9, depth=99.), 'too small'),
    (dict(occlusion=3, truncation=.9, depth=99.), 'hidden'),
    (dict(truncation=.9, depth=99.), 'truncated')])
def test_limits_are_inclusive(values, reason):
    assert reasons_of(**values) == reason


def test_classes_that_are_not_chosen():
    limits = ObjectLimits(25, .5, 2, (2., 65.), labels=[1])
    assert reasons_of(limits=limits, label=1) is None
    assert reasons_of(limits=limits, label=0, height=1.) == 'not chosen'


def filled(kept, dropped, reason=OUTSIDE):
    """Counts of Car with this many objects, and 3 learned cyclists."""
    counts = ObjectCounts(('Car', 'Cyclist'))
    counts.add(np.array(['car'] * (kept + dropped)),
               np.array([KEPT] * kept + [REASONS.index(reason)] * dropped))
    counts.add(np.array(['Cyclist'] * 3), np.full(3, KEPT))
    return counts


@pytest.mark.parametrize('kept, dropped, warnings', [
    (1, 9, []), (1, 10, ['Car: 1 of 11 is left to learn from; dropped: 10 outside the input']),
    (0, 2, ['Car: no object of 2 is left to learn from; dropped: 2 outside the input']),
    (0, 0, ['Car: no object in the labels to learn from'])])
def test_a_class_below_a_tenth_gets_a_warning(kept, dropped, warnings):
    counts = filled(kept, dropped)
    assert counts.warnings() == warnings and counts.refusal() is None
    assert counts.labelled.tolist() == [kept + dropped, 3]


def test_chosen_classes_alone_get_warnings():
    counts = filled(0, 4, 'not chosen')
    assert counts.warnings() == [] and 'not chosen' in counts.table().splitlines()[0]
    assert 'not chosen' not in filled(0, 4).table()


def test_the_table_has_one_line_per_class():
    counts = filled(2, 5, HIDDEN)
    counts.add(np.array(['Tram', 'Van', 'Van', 'DontCare']), np.full(4, KEPT))
    assert counts.table().splitlines() == [
        'class    labelled  learned  too small  hidden  truncated  depth  outside',
        'Car             7        2          0       5          0      0        0',
        'Cyclist         3        3          0       0          0      0        0',
        'unknown class names: Van 2, Tram 1']


@pytest.mark.parametrize('names, reasons, message', [
    ([], [], 'no object in the labels; check the split'),
    (['lorry', 'lorry', 'bike'], [KEPT] * 3,
     'the labels name lorry 2, bike 1, but the classes are Car; set classes'),
    (['Car', 'Car', 'Car'], [REASONS.index(reason) for reason in (OUTSIDE, TRUNCATED, TRUNCATED)],
     'no object of 3 is left to learn from: 2 truncated, 1 outside the input; check the trunc'),
    (['car'], [REASONS.index(OUTSIDE)], "input_fit='contain'")])
def test_nothing_left_names_the_likely_cause(names, reasons, message):
    counts = ObjectCounts(('Car', ))
    counts.add(np.array(names, dtype=str), np.array(reasons, dtype=int))
    assert message in counts.refusal() and '\n' not in counts.refusal()
