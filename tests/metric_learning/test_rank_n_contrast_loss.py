"""Rank-N-Contrast loss against a brute-force implementation."""
import math

import pytest
import torch

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.metric_learning import RankNContrastLoss


def brute_force(features, depths, tau):
    count, total = len(features), 0.
    for i in range(count):
        for j in set(range(count)) - {i}:
            def score(k, i=i):
                return -((features[i] - features[k]) ** 2).sum().sqrt().item() / tau

            distance = abs(depths[i] - depths[j])
            negatives = [score(k) for k in range(count)
                         if k != i and abs(depths[i] - depths[k]) >= distance]
            total -= score(j) - math.log(sum(map(math.exp, negatives)))
    return total / (count * (count - 1))


@pytest.mark.parametrize('depths', [
    [3., 10., 11., 40., 22.5, 8.], [5., 5., 7., 7., 7., 9.], [4.] * 6])
@pytest.mark.parametrize('tau', [.5, 2.])
def test_agrees_with_brute_force(depths, tau):
    torch.manual_seed(0)
    features, depths = torch.randn(6, 4), torch.tensor(depths)
    loss, logs = RankNContrastLoss(tau=tau, loss_weight=.7)(features, depths)
    assert logs == {}
    assert loss.item() == pytest.approx(.7 * brute_force(features, depths, tau), rel=1e-5)


def test_labels_of_the_common_call_do_not_matter():
    features, depths = torch.randn(5, 3), 30 * torch.rand(5)
    loss = RankNContrastLoss()
    assert loss(features, depths, torch.arange(5)).loss == loss(features, depths).loss


def test_gradient_is_that_of_finite_differences():
    torch.manual_seed(1)
    features = torch.randn(6, 3, dtype=torch.double, requires_grad=True)
    depths = torch.tensor([1., 2., 2., 5., 9., 4.], dtype=torch.double)
    assert torch.autograd.gradcheck(lambda x: RankNContrastLoss()(x, depths).loss, features)


def test_loss_is_smaller_for_descriptors_ordered_by_depth():
    depths = torch.arange(8.)
    line = 4 * depths[:, None]
    torch.manual_seed(2)
    mixed = line[torch.randperm(8)]
    loss = RankNContrastLoss()
    assert loss(line, depths).loss < .5 * loss(mixed, depths).loss


@pytest.mark.parametrize('count', [0, 1])
def test_loss_of_fewer_than_two_objects_is_a_differentiable_zero(count):
    features = torch.ones(count, 3, requires_grad=True)
    loss = RankNContrastLoss()(features, torch.ones(count)).loss
    loss.backward()
    assert loss.item() == 0 and (features.grad == 0).all()


def test_temperature_of_zero_is_refused():
    with pytest.raises(InputError, match='tau is 0'):
        RankNContrastLoss(tau=0)


def test_objects_without_finite_depth_are_left_out():
    features = torch.randn(4, 3, requires_grad=True)
    depths = torch.tensor([1., float('nan'), 3., float('inf')])
    expected = RankNContrastLoss()(features[[0, 2]], torch.tensor([1., 3.])).loss
    assert RankNContrastLoss()(features, depths).loss == expected
    without_depths = RankNContrastLoss()(features, torch.full((4, ), float('nan'))).loss
    without_depths.backward()
    assert without_depths == 0 and (features.grad == 0).all()
