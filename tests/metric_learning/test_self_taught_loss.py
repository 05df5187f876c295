"""Self-taught loss and its similarity against a plain-numpy implementation."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmdet3d.registry import MODELS
from torch.autograd import gradcheck

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.metric_learning import SelfTaughtLoss
from mmdet3d_plugin.metric_learning.self_taught_loss import (
    contextual_similarity,
    self_taught_similarity,
)


def draw(count, size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, size, generator=generator, dtype=torch.double), dim=1)


POINTS, FEATURES = draw(17, 5), draw(17, 4, seed=1)


def distances_of(points):
    return np.array([[np.linalg.norm(a - b) for b in points] for a in points])


def reference_context(distances, k):
    """Return the contextual similarity, one point and one set of neighbours at a time."""
    count = len(distances)
    nearest = []
    for i in range(count):
        others = sorted((distances[i][j], j) for j in range(count) if j != i)
        nearest.append([i] + [j for _, j in others][:k - 1])
    reciprocal = [{j for j in nearest[i] if i in nearest[j]} for i in range(count)]
    first = np.zeros((count, count))
    for i in range(count):
        for j in reciprocal[i]:
            first[i, j] = len(reciprocal[i] & reciprocal[j]) / len(reciprocal[i])
    half = max(int(np.around(min(k, count) / 2)), 1)
    second = np.array([np.mean([first[j] for j in nearest[i][:half]], axis=0)
                       for i in range(count)])
    return (second + second.T) / 2


def reference_loss(features, points, sigma, delta, k):
    distances = distances_of(points)
    similarity = (np.exp(-distances**2 / sigma) + reference_context(distances, k)) / 2
    feature_distances = distances_of(features)
    count, total = len(features), 0.
    for i in range(count):
        mean = feature_distances[i].sum() / count
        for j in range(count):
            if i != j:
                relative = feature_distances[i, j] / mean
                total += similarity[i, j] * relative**2
                total += (1 - similarity[i, j]) * max(delta - relative, 0)**2
    return total / (count * (count - 1))


@pytest.mark.parametrize('sigma, delta, k', [(1., 1., 10), (.3, 1.2, 5), (2., .7, 4), (1., 1., 1),
                                             (1., 1., 40)])
def test_agrees_with_numpy(sigma, delta, k):
    expected = reference_loss(FEATURES.numpy(), POINTS.numpy(), sigma, delta, k)
    result = SelfTaughtLoss(sigma, delta, k, loss_weight=.7)(FEATURES, POINTS)
    assert result.loss.item() == pytest.approx(.7 * expected, rel=1e-9)
    parts = result.logs['pull_error'] + result.logs['push_error']
    assert parts.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize('k', [1, 2, 3, 5, 9, 17, 30])
def test_contextual_similarity_agrees_with_numpy(k):
    distances = torch.cdist(POINTS, POINTS)
    found = contextual_similarity(distances, k)
    assert found.numpy() == pytest.approx(reference_context(distances.numpy(), k), abs=1e-12)
    assert torch.equal(found, found.mT) and found.min() >= 0 and found.max() <= 1


def test_contextual_similarity_by_hand():
    # On a line at 0, 1, 3 with k = 2: neighbours {0, 1}, {1, 0}, {2, 1}; reciprocal sets {0, 1},
    # {0, 1}, {2}. Half of k is the point itself, so there is no expansion.
    places = torch.tensor([[0.], [1.], [3.]])
    assert contextual_similarity(torch.cdist(places, places), 2).tolist() == [
        [1., 1., 0.], [1., 1., 0.], [0., 0., 1.]]


def test_similarity_is_the_mean_of_both_kinds():
    # Two points at the distance 1 are each other's neighbours.
    found = self_taught_similarity(torch.tensor([[0.], [1.]]), sigma=2., num_neighbours=2)
    assert found[0, 1].item() == pytest.approx((np.exp(-1 / 2) + 1) / 2)
    found = self_taught_similarity(torch.tensor([[0.], [1.]]), sigma=2., num_neighbours=1)
    assert found[0, 1].item() == pytest.approx(np.exp(-1 / 2) / 2)


def test_gradient_reaches_features_alone():
    features, points = FEATURES.clone().requires_grad_(), POINTS.clone().requires_grad_()
    result = SelfTaughtLoss()(features, points)
    result.loss.backward()
    assert features.grad.abs().max() > 0 and points.grad is None
    assert not any(value.requires_grad for value in result.logs.values())
    assert not any('loss' in key for key in result.logs)


def test_gradient_is_that_of_finite_differences():
    module = SelfTaughtLoss(num_neighbours=4)
    assert gradcheck(lambda x: module(x, POINTS[:9]).loss, FEATURES[:9].clone().requires_grad_())


def test_order_and_scale_of_the_batch_do_not_matter():
    order = torch.randperm(17, generator=torch.Generator().manual_seed(2))
    module = SelfTaughtLoss(num_neighbours=5)
    expected = module(FEATURES, POINTS).loss.item()
    assert module(FEATURES[order], POINTS[order]).loss.item() == pytest.approx(expected)
    # Distances of features are relative.
    assert module(3 * FEATURES, POINTS).loss.item() == pytest.approx(expected)


@pytest.mark.parametrize('equal', ['features', 'points', 'both', 'pairs'])
def test_duplicates(equal):
    features, points = draw(6, 4), draw(6, 4, seed=1)
    if equal in ('features', 'both'):
        features = features[:1].repeat(6, 1)
    if equal in ('points', 'both'):
        points = points[:1].repeat(6, 1)
    if equal == 'pairs':
        features, points = features[:3].repeat(2, 1), points[:3].repeat(2, 1)
    features.requires_grad_()
    loss = SelfTaughtLoss(num_neighbours=3)(features, points).loss
    loss.backward()
    assert loss.isfinite() and features.grad.isfinite().all()


@pytest.mark.parametrize('count', [0, 1])
def test_loss_of_fewer_than_two_points_is_a_differentiable_zero(count):
    features = torch.ones(count, 3, requires_grad=True)
    loss = SelfTaughtLoss()(features, torch.ones(count, 3)).loss
    loss.backward()
    assert loss.item() == 0 and (features.grad == 0).all()


def test_fewer_points_than_neighbours():
    # Two points: both are neighbours of both, whatever k, so w = (exp(-d^2) + 1) / 2. The mean
    # distance of a row is half of the distance, so r = 2 and nothing is pushed.
    points = draw(2, 3)
    weight = (np.exp(-(points[0] - points[1]).square().sum().item()) + 1) / 2
    assert SelfTaughtLoss()(points, points).loss.item() == pytest.approx(4 * weight)


def test_training_joins_clusters():
    points = F.normalize(torch.eye(4).double().repeat_interleave(5, 0) + .1 * draw(20, 4), dim=1)
    raw = draw(20, 6, seed=3).requires_grad_()
    optimizer = torch.optim.Adam([raw], lr=.05)
    labels = torch.arange(4).repeat_interleave(5)
    for _ in range(60):
        loss = SelfTaughtLoss(num_neighbours=5)(F.normalize(raw, dim=1), points).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    distances = torch.cdist(F.normalize(raw, dim=1), F.normalize(raw, dim=1)).detach()
    same = labels[:, None] == labels
    assert distances[same].max() < distances[~same].min()


def test_is_registered_and_has_the_values_of_the_authors():
    module = MODELS.build(dict(type='SelfTaughtLoss'))
    assert (module.sigma, module.delta, module.num_neighbours) == (1., 1., 10)
    features = FEATURES.to(torch.bfloat16)
    assert module(features, POINTS.float()).loss.dtype == torch.float32


@pytest.mark.parametrize('settings, message', [
    (dict(sigma=0.), 'sigma 0.0'), (dict(delta=float('nan')), 'delta nan'),
    (dict(loss_weight=-1.), 'loss_weight -1.0'), (dict(num_neighbours=0), 'num_neighbours is 0')])
def test_settings_out_of_range(settings, message):
    with pytest.raises(InputError, match=message):
        SelfTaughtLoss(**settings)


def test_wrong_shapes():
    with pytest.raises(InputError, match=r'features \(3, 4\), points \(2, 4\)'):
        SelfTaughtLoss()(torch.zeros(3, 4), torch.zeros(2, 4))
