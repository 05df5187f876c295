"""Columns of the object table."""
from dataclasses import fields

import numpy as np
import pytest

from mmdet3d_plugin.structures.object_table import ObjectTable

# truncation, occlusion, alpha, left, top, right, bottom, height, width, length, x, y, z,
# rotation_y, score
ROW = [.1, 2, -.5, 10, 20, 30, 40, 1.5, 1.6, 3.9, 4., 1.7, 25., .8, .9]


def test_columns_of_a_row():
    table = ObjectTable.from_table(['Car'], [ROW])
    assert table.names.tolist() == ['Car']
    assert table.truncations.tolist() == [.1]
    assert table.occlusions.tolist() == [2] and table.occlusions.dtype == np.int64
    assert table.alphas.tolist() == [-.5]
    assert table.boxes_2d.tolist() == [[10, 20, 30, 40]]
    assert table.sizes_hwl.tolist() == [[1.5, 1.6, 3.9]]
    assert table.locations.tolist() == [[4., 1.7, 25.]]
    assert table.rotations_y.tolist() == [.8]
    assert table.scores.tolist() == [.9]


def test_rows_of_14_numbers_have_no_scores():
    assert ObjectTable.from_table(['Car'], [ROW[:14]]).scores is None


@pytest.mark.parametrize('index', [
    np.array([False, True, False]), slice(1, 2), np.array([1])])
def test_selection_applies_to_all_columns(index):
    rows = np.array([ROW, np.array(ROW) + 1, np.array(ROW) + 2])
    selected = ObjectTable.from_table(['Car', 'Van', 'Truck'], rows)[index]
    expected = ObjectTable.from_table(['Van'], rows[1:2])
    assert len(selected) == 1
    for field in fields(ObjectTable):
        np.testing.assert_array_equal(getattr(selected, field.name),
                                      getattr(expected, field.name))


def test_selection_keeps_the_columns_together():
    objects = ObjectTable.from_table(['Car', 'Van'], np.arange(30.).reshape(2, 15))
    van = objects[objects.names == 'Van']
    assert van.names.tolist() == ['Van'] and van.scores == 29 and van.alphas == 17


def test_selection_without_scores():
    labels = ObjectTable.from_table(['Car', 'Van'], [ROW[:14]] * 2)
    assert labels[labels.names == 'Van'].scores is None


@pytest.mark.parametrize('column', [field.name for field in fields(ObjectTable)])
def test_columns_of_unequal_length_are_rejected(column):
    columns = vars(ObjectTable.from_table(['Car', 'Van'], [ROW] * 2))
    with pytest.raises(ValueError, match='columns of unequal length'):
        ObjectTable(**{**columns, column: columns[column][:1]})


def test_scores_of_unequal_length_are_rejected_for_labels_too():
    labels = ObjectTable.from_table(['Car'], np.zeros((1, 14)))
    with pytest.raises(ValueError, match='unequal length'):
        ObjectTable(**{**vars(labels), 'scores': np.zeros(2)})


@pytest.mark.parametrize('with_scores', [False, True])
def test_empty_table(with_scores):
    empty = ObjectTable.empty(with_scores)
    assert len(empty) == 0
    assert empty.boxes_2d.shape == (0, 4)
    assert empty.sizes_hwl.shape == empty.locations.shape == (0, 3)
    assert (empty.scores is not None) == with_scores
