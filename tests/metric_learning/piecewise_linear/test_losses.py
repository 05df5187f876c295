"""Losses of points and proxies against the numpy reference and by hand."""
import math

import numpy as np
import pytest
import torch
from metric_learning.piecewise_linear import numpy_reference
from metric_learning.piecewise_linear.point_sets import unit_points
from torch.autograd import gradcheck

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.metric_learning.piecewise_linear import (
    Proxies,
    grow_pieces,
    match_distances,
    pair_weights,
    piecewise_similarity,
    point_proxy_loss,
    proxy_neighbourhood_loss,
    proxy_similarity,
    squared_projection_distances,
)
from mmdet3d_plugin.metric_learning.piecewise_linear.distances import pairwise_distances

POINTS = unit_points(11, 6)
FEATURES = unit_points(11, 6, seed=5)
PIECES = grow_pieces(POINTS)
PROJECTORS = (PIECES.bases @ PIECES.bases.mT).numpy()


def proxies(count=4):
    torch.manual_seed(1)
    return Proxies(count, 6, 3).double()


def point_loss(features, similarity, delta=2., balanced=False):
    return match_distances(pairwise_distances(features, features), similarity, delta,
                           pair_weights(PIECES.members, balanced))


@pytest.mark.parametrize('delta', [2., math.sqrt(2)])
def test_point_loss_agrees_with_numpy(delta):
    similarity = piecewise_similarity(PIECES)
    expected = numpy_reference.point_loss(FEATURES.numpy(), similarity.numpy(), delta)
    assert point_loss(FEATURES, similarity, delta).item() == pytest.approx(expected, rel=1e-9)


def test_point_loss_by_hand():
    # One pair: distance .5, similarity .6, target 2 * .4 = .8, loss .3^2.
    features = torch.tensor([[0., 0.], [.3, .4]])
    similarity = torch.tensor([[1., .6], [.6, 1.]])
    weights = pair_weights(torch.zeros(2, 2, dtype=torch.bool))
    loss = match_distances(pairwise_distances(features, features), similarity, 2., weights)
    assert loss.item() == pytest.approx(.09)


def test_gradient_moves_features_to_their_targets():
    features = torch.tensor([[0., 0.], [.3, .4]], requires_grad=True)
    similarity = torch.tensor([[1., .6], [.6, 1.]])  # target .8 above the distance .5
    match_distances(pairwise_distances(features, features), similarity, 2.).backward()
    step = features.detach() - 1e-2 * features.grad
    assert (step[0] - step[1]).norm() > .5


def test_weights_of_pairs():
    members = torch.zeros(4, 4, dtype=torch.bool)
    members[0, 1] = members[2, 1] = True
    plain = pair_weights(members)
    assert torch.equal(plain, 1 - torch.eye(4).double())
    balanced = pair_weights(members, balanced=True)
    near = torch.zeros(4, 4, dtype=torch.bool)
    for i, j in ((0, 1), (1, 0), (1, 2), (2, 1)):
        near[i, j] = True
    assert balanced[near].tolist() == pytest.approx([.5 / 4] * 4)
    assert balanced[~near & (plain > 0)].tolist() == pytest.approx([.5 / 8] * 8)
    assert balanced.diagonal().abs().max() == 0


@pytest.mark.parametrize('filled', [False, True])
def test_balanced_weights_of_one_group(filled):
    weights = pair_weights(torch.full((3, 3), filled), balanced=True)
    assert torch.allclose(weights, (1 - torch.eye(3)).double() / 12)


def test_balanced_loss():
    similarity = piecewise_similarity(PIECES)
    distances = pairwise_distances(FEATURES, FEATURES)
    errors = (2 * (1 - similarity) - distances)**2
    near = PIECES.members | PIECES.members.mT
    others = ~torch.eye(11, dtype=torch.bool)
    expected = (errors[near].mean() + errors[~near & others].mean()) / 2
    assert point_loss(FEATURES, similarity, balanced=True).item() == pytest.approx(
        expected.item())


def test_proxy_similarity_agrees_with_numpy():
    module = proxies()
    points, bases = module.points(), module.bases()
    expected = numpy_reference.proxy_similarities(
        POINTS.numpy(), PROJECTORS, points.detach().numpy(), bases.detach().numpy(), 3., .7)
    found = proxy_similarity(PIECES, points, bases, 3., .7)
    assert not found.requires_grad
    assert found.numpy() == pytest.approx(expected, abs=1e-7)


def test_point_proxy_loss_agrees_with_numpy():
    module = proxies()
    points, bases = module.points().detach(), module.bases().detach()
    similarity = proxy_similarity(PIECES, points, bases)
    expected = numpy_reference.proxy_loss(FEATURES.numpy(), points.numpy(), similarity.numpy(),
                                          1.5)
    loss = point_proxy_loss(FEATURES, points, similarity, 1.5)
    assert loss.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize('num_neighbours', [1, 3, 11, 50])
def test_neighbourhood_loss_agrees_with_numpy(num_neighbours):
    module = proxies()
    bases = module.bases().detach()
    similarity = proxy_similarity(PIECES, module.points().detach(), bases)
    expected = numpy_reference.neighbourhood_loss(PROJECTORS, bases.numpy(), similarity.numpy(),
                                                  num_neighbours)
    loss = proxy_neighbourhood_loss(bases, PIECES, similarity, num_neighbours)
    assert loss.item() == pytest.approx(expected, rel=1e-9)


def test_projection_distance_is_the_sum_of_squared_sines():
    first, second = (torch.linalg.qr(torch.randn(
        1, 9, 3, dtype=torch.double, generator=torch.Generator().manual_seed(seed))).Q
        for seed in (0, 1))
    cosines = np.linalg.svd(first[0].numpy().T @ second[0].numpy(), compute_uv=False)
    found = squared_projection_distances(first, second)
    assert found.item() == pytest.approx((1 - cosines**2).sum())
    # The distance of subspaces does not depend on the choice of their bases.
    turned = second @ torch.linalg.qr(torch.randn(3, 3, dtype=torch.double)).Q
    assert squared_projection_distances(first, turned).item() == pytest.approx(found.item())
    assert squared_projection_distances(first, first).item() == pytest.approx(0, abs=1e-12)


def test_projection_distance_of_a_piece_of_lower_rank():
    plane = torch.eye(4, dtype=torch.double)[None, :, :2]
    line = plane * torch.tensor([1., 0.])
    assert squared_projection_distances(plane, line).item() == pytest.approx(.5)


def test_neighbourhood_loss_turns_a_proxy_to_its_piece():
    module = proxies(1)
    similarity = torch.zeros(11, 1).double()
    similarity[4] = 1.
    optimizer = torch.optim.SGD(module.parameters(), lr=1.)
    for _ in range(300):
        loss = proxy_neighbourhood_loss(module.bases(), PIECES, similarity, 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 1e-3
    assert module.positions.grad is None


def test_bases_are_orthonormal_and_positions_are_unit_vectors():
    module = Proxies(7, 20, 4)
    bases = module.bases()
    assert (bases.mT @ bases - torch.eye(4)).abs().max() < 1e-5
    assert module.points().norm(dim=1).tolist() == pytest.approx([1.] * 7, rel=1e-5)


@pytest.mark.parametrize('sizes', [(0, 4, 2), (3, 4, 0), (3, 4, 5)])
def test_sizes_of_proxies_out_of_range(sizes):
    with pytest.raises(InputError, match=f'num_proxies {sizes[0]}, embed_dim 4, dim {sizes[2]}'):
        Proxies(*sizes)


def test_gradients_are_those_of_finite_differences():
    similarity = piecewise_similarity(PIECES)
    module = proxies()
    to_proxies = proxy_similarity(PIECES, module.points(), module.bases())
    delta = torch.tensor(1.7, dtype=torch.double, requires_grad=True)
    features = FEATURES.clone().requires_grad_()
    assert gradcheck(lambda f, d: point_loss(f, similarity, d), (features, delta))
    assert gradcheck(lambda f, d: point_loss(f, similarity, d, True), (features, delta))
    positions = module.points().detach().requires_grad_()
    assert gradcheck(lambda f, p, d: point_proxy_loss(f, p, to_proxies, d),
                     (features, positions, delta))
    frames = module.frames.detach().requires_grad_()
    assert gradcheck(lambda q: proxy_neighbourhood_loss(torch.linalg.qr(q).Q, PIECES,
                                                        to_proxies, 3), frames)
