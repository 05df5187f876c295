"""Names of classes without regard to case, and class maps."""
import numpy as np
import pytest

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.structures.class_names import (
    check_class_map,
    check_class_names,
    check_mean_sizes,
    class_index,
    class_keys,
    find_class,
    mapped_names,
)


def test_names_match_without_regard_to_case():
    assert [class_index(name, ('Car', 'Straße')) for name in ('CAR', 'strasse', 'Cars')] == [
        0, 1, -1]
    assert find_class('vAn', ['Car', 'Van']) == 'Van' and find_class('Tram', []) is None
    assert class_keys(np.array(['Car', 'car'])).tolist() == ['car', 'car']
    assert class_keys([]).shape == (0, )


@pytest.mark.parametrize('classes, message', [
    ([], 'classes is empty'), ('Car', "classes is 'Car', expected a list"),
    (None, 'classes is None'), (['Car', 3], '3 is no class name'),
    (['big truck'], "'big truck' is no class name"), ([''], "'' is no class name"),
    (['Car', 'dontcare'], 'dontcare marks regions without labels'),
    (['Car', 'Van', 'CAR'], "the classes 'Car' and 'CAR' are the same")])
def test_bad_classes_are_refused(classes, message):
    with pytest.raises(InputError, match=f'^a.py: {message}'):
        check_class_names(classes, 'a.py')
    assert check_class_names(['Car', 'fork-lift'], 'a.py') == ('Car', 'fork-lift')


def test_a_class_map_renames_all_spellings():
    class_map = check_class_map(dict(Truck='car', VAN='Car', car='Car'), ['Car', 'Bus'], 'a.py')
    names = np.array(['truck', 'Van', 'Bus', 'CAR', 'Tram'])
    assert mapped_names(names, class_map).tolist() == ['Car', 'Car', 'Bus', 'Car', 'Tram']
    assert mapped_names(np.array([], dtype=str), class_map).tolist() == []


@pytest.mark.parametrize('class_map, message', [
    (dict(truck='Lorry'), 'maps truck to Lorry, which is none of the classes Car, Bus'),
    (dict(truck='van', van='Car'), 'maps truck to van, which it maps too'),
    (dict(bus='Car'), 'maps bus, which is a class itself, to Car'),
    (dict(van='Car', Van='Bus'), 'maps Van to two classes'),
    (['van'], r"class_map is \['van'\]")])
def test_bad_class_maps_are_refused(class_map, message):
    with pytest.raises(InputError, match=f'^a.py: .*{message}'):
        check_class_map(class_map, ['Car', 'Bus'], 'a.py')


@pytest.mark.parametrize('size', [(1.5, 1.6), (1.5, 1.6, 0), (1.5, 1.6, -3), 'abc', 3.,
                                  (1.5, float('nan'), 3.), (1.5, True, 3.)])
def test_bad_mean_sizes_are_refused(size):
    check_mean_sizes(dict(Car=(1.5, 1.6, 4), Bus=None), 'a.py')
    with pytest.raises(InputError, match=r'^a.py: classes.Bus is .*, expected mean height, width'):
        check_mean_sizes(dict(Car=(1.5, 1.6, 4), Bus=size), 'a.py')
