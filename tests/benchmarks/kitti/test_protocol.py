"""KITTI's evaluation of classes of any name, with own overlaps and heights."""
import numpy as np
import pytest

from mmdet3d_plugin.benchmarks.kitti.average_precision import evaluate_kitti
from mmdet3d_plugin.benchmarks.kitti.protocol import check_protocol, neighbour_of, overlaps_of
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.structures.object_table import ObjectTable


def frames(name, shift=0., height=50., score=None, count=41):
    """Boxes of 4 m length, detections moved by ``shift`` along their length."""
    row = [0, 0, 0., 0, 0, 50, height, 1.5, 1.6, 4., shift, 1.6, 20., 0.]
    table = ObjectTable.from_table([name], [row if score is None else [*row, score]])
    return [table] * count


def moderate_3d(classes, name, shift=0., overlap='strict', **options):
    found = frames(name.upper(), shift, score=.9)
    values = evaluate_kitti(frames(name), found, classes, **options)
    return values.to_dict()[f'{classes[0]}_3D_AP40_moderate_{overlap}']


def test_default_overlaps():
    vehicles = ['Car', 'car', 'Van', 'Truck', 'BUS', 'Tram', 'Trailer', 'Vehicle']
    assert {overlaps_of(name) for name in vehicles} == {(.7, .5)}
    assert {overlaps_of(name) for name in ('Pedestrian', 'Forklift', 'Misc')} == {(.5, .25)}
    assert neighbour_of('CAR') == 'Van' and neighbour_of('Forklift') == 'Forklift'


# A shift s of 4 m long boxes gives an IoU of (4 - s) / (4 + s): 0.6 at s = 1, 0.4 at s = 12/7.
@pytest.mark.parametrize('name, shift, strict, loose', [
    ('Truck', 1., 0., 100.), ('Forklift', 1., 100., 100.), ('Forklift', 12 / 7, 0., 100.),
    ('Truck', 12 / 7, 0., 0.)])
def test_any_class_is_evaluated(name, shift, strict, loose):
    for overlap, expected in dict(strict=strict, loose=loose).items():
        assert moderate_3d((name, ), name, shift, overlap) == pytest.approx(expected)


def test_overlaps_by_option():
    found = [moderate_3d(('Truck', ), 'truck', 1., min_overlaps=dict(TRUCK=(limit, .1)))
             for limit in (.59, .61)]
    assert found == [pytest.approx(100.), 0.]


def test_heights_by_option():
    """Labels of 30 pixels are found or missed only above the minimum height."""
    labels, found = frames('Bus', height=30.), frames('Bus', height=30., score=.9)
    counts = [evaluate_kitti(labels, found, ('Bus', ), min_heights=heights).label_counts.tolist()
              for heights in ((40, 25, 25), (29, 30, 25))]
    assert counts == [[[0, 41, 41]], [[41, 0, 41]]]


@pytest.mark.parametrize('classes, options, message', [
    (['Car', 'car'], {}, 'are the same'), (['DontCare'], {}, 'cannot be a class'),
    ([], {}, 'empty'),
    (['Car'], dict(min_overlaps=dict(Bus=(.7, .5))), 'min_overlaps names Bus, which is not eval'),
    (['Car'], dict(min_overlaps=dict(Car=(.5, .7))), 'a strict and a loose IoU'),
    (['Car'], dict(min_overlaps=dict(Car=(.5, ))), 'a strict and a loose IoU'),
    (['Car'], dict(min_overlaps=dict(Car=(70, 50))), 'a strict and a loose IoU'),
    (['Car'], dict(min_overlaps=dict(Car=(.7, .5), car=(.6, .5))), 'names a class twice'),
    (['Car'], dict(min_heights=(40, 25)), 'min_heights'),
    (['Car'], dict(min_heights=(40, 25, np.nan)), 'min_heights')])
def test_bad_limits_are_refused(classes, options, message):
    with pytest.raises(InputError, match=message):
        check_protocol(classes, **options)


def test_long_names_widen_the_table():
    table = evaluate_kitti([], [], ('Construction_vehicle', 'Car')).table().splitlines()
    assert table[2].startswith('Construction_vehicle 2D   R40') and len(table[1]) == len(table[2])
