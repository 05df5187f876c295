"""Similarity of points and pieces against the numpy reference, and its properties."""
import math

import pytest
import torch
from metric_learning.piecewise_linear import numpy_reference
from metric_learning.piecewise_linear.point_sets import noisy_sheet, swiss_roll, unit_points

from mmdet3d_plugin.metric_learning.piecewise_linear import (
    binary_similarity,
    distances_to_pieces,
    grow_pieces,
    normalize_to_nearest,
    piecewise_similarity,
    similarity_to_pieces,
)


@pytest.mark.parametrize('exponents', [(4., .5), (1., 2.), (0., 1.), (3., 0.)])
@pytest.mark.parametrize('rule', ['each', 'seed', 'share', 'all'])
@pytest.mark.parametrize('points', [unit_points(18, 7), noisy_sheet(16, 30, 3, .3)],
                         ids=['D < N', 'D > N'])
def test_agrees_with_numpy(points, rule, exponents):
    projectors, _ = numpy_reference.pieces(points.numpy(), 3, rule)
    expected = numpy_reference.symmetric_similarity(points.numpy(), projectors, *exponents)
    found = piecewise_similarity(grow_pieces(points, 3, rule), *exponents)
    assert found.numpy() == pytest.approx(expected, abs=1e-7)


def test_value_by_hand():
    # v = (3, 2) from a line along x: p = 3, o = 2, alpha = 1 / 2^4, beta = 1 / 4^0.5.
    line = torch.tensor([[[1.], [0.]]])
    found = similarity_to_pieces(torch.tensor([[4., 3.]]), torch.tensor([[1., 1.]]), line)
    assert found.item() == pytest.approx(1 / 32)
    found = similarity_to_pieces(torch.tensor([[4., 3.]]), torch.tensor([[1., 1.]]), line,
                                 n_alpha=2., n_beta=1.)
    assert found.item() == pytest.approx(1 / 16)


def test_rows_are_points_and_columns_are_pieces():
    origins = torch.tensor([[0., 0.], [5., 5.]])
    bases = torch.tensor([[[1.], [0.]], [[0.], [1.]]])
    points = torch.tensor([[2., 1.], [5., 7.], [0., 0.]])
    along, orthogonal = distances_to_pieces(points, origins, bases)
    assert torch.allclose(along, torch.tensor([[2., 4.], [5., 2.], [0., 5.]]).double())
    assert torch.allclose(orthogonal, torch.tensor([[1., 3.], [7., 0.], [0., 5.]]).double())


@pytest.mark.parametrize('shift', [0., 100.])
@pytest.mark.parametrize('dtype', [torch.float, torch.double])
def test_similarity_at_zero_distance_is_one(dtype, shift):
    points = (unit_points(60, 512) + shift).to(dtype)
    similarity = piecewise_similarity(grow_pieces(points))
    assert (similarity.diagonal() - 1).abs().max() < 1e-12
    assert torch.equal(similarity, similarity.mT)
    assert similarity.max() <= 1 and similarity.min() > 0


def test_flat_sheet_has_no_orthogonal_distance():
    points = noisy_sheet(40, 64, 3, 0.)
    pieces = grow_pieces(points)
    along, orthogonal = distances_to_pieces(points, pieces.origins, pieces.bases)
    distances = torch.cdist(points, points)
    assert orthogonal.max() < 1e-6
    assert (along - distances).abs().max() < 1e-6
    # s depends on p alone: alpha is one.
    expected = (1 + distances)**-.5
    assert (piecewise_similarity(pieces) - expected).abs().max() < 1e-6


def test_rotation_and_translation():
    points = noisy_sheet(24, 12, 3, .4)
    rotation = torch.linalg.qr(unit_points(12, 12, seed=1)).Q
    first = piecewise_similarity(grow_pieces(points))
    second = piecewise_similarity(grow_pieces(points @ rotation.T - 3))
    assert (first - second).abs().max() < 1e-7


def test_crossing_lines():
    """Points 1 apart: along a line they are more similar than across two crossing lines."""
    places = torch.arange(-20, 21).double() / 10
    zero = torch.zeros_like(places)
    points = torch.cat([torch.stack([places, zero, zero], 1),
                        torch.stack([zero, places, zero], 1)[places != 0]])
    similarity = piecewise_similarity(grow_pieces(points, dim=1))
    line_end = 40  # (2, 0, 0)
    along = similarity[line_end, 30]  # (1, 0, 0)
    distances = torch.cdist(points, points)
    assert distances[line_end, 30].item() == pytest.approx(1)
    assert along.item() == pytest.approx(2**-.5, rel=.02)
    # (0.7, 0, 0) and (0, 0.7, 0) are .99 apart, and nearer than the pair on the line.
    first = 27
    second = int((points - torch.tensor([0., .7, 0.])).norm(dim=1).argmin())
    assert distances[first, second] < distances[line_end, 30]
    assert similarity[first, second] < .6 * along


def test_swiss_roll():
    """At equal distance, points on one layer are more similar than points on two layers."""
    points, angle = swiss_roll(200)
    similarity = piecewise_similarity(grow_pieces(points, dim=2))
    distances = torch.cdist(points, points)
    turn = (angle[:, None] - angle).abs()
    at_distance = (distances > .5) & (distances < .8)
    same_layer = similarity[at_distance & (turn < math.pi / 2)]
    other_layer = similarity[at_distance & (turn > 1.5 * math.pi)]
    assert len(same_layer) > 1000 and len(other_layer) > 1000
    assert same_layer.mean() > 1.5 * other_layer.mean()
    assert same_layer.median() > other_layer.quantile(.9)


def test_equal_points_are_equally_similar():
    assert torch.equal(piecewise_similarity(grow_pieces(torch.ones(5, 4))),
                       torch.ones(5, 5).double())


def test_binary_similarity():
    points = torch.tensor([[0., 0.], [1., 0.], [2.2, 0.], [2.2, 3.]])
    pieces = grow_pieces(points, dim=1)
    assert pieces.members.tolist() == [[False, True, True, False], [True, False, True, False],
                                       [True, True, False, False], [False, True, True, False]]
    assert binary_similarity(pieces).tolist() == [[1., 1., 1., 0.], [1., 1., 1., .5],
                                                  [1., 1., 1., .5], [0., .5, .5, 1.]]


def test_normalisation_to_the_nearest():
    similarity = piecewise_similarity(grow_pieces(unit_points(12, 6)))
    scaled = normalize_to_nearest(similarity)
    others = scaled.clone().fill_diagonal_(0)
    assert torch.allclose(others.amax(dim=1), torch.ones(12).double())
    assert torch.equal(scaled.diagonal(), torch.ones(12).double())
    ratio = (scaled / similarity).fill_diagonal_(0)
    for i in range(12):
        row = ratio[i][ratio[i] > 0]
        assert len(row) == 11 and torch.allclose(row, row[:1])


@pytest.mark.parametrize('similarity', [torch.eye(3), torch.ones(1, 1), torch.ones(0, 0)])
def test_normalisation_without_a_similar_point(similarity):
    assert torch.equal(normalize_to_nearest(similarity), similarity)
