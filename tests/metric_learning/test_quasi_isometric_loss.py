"""Quasi-isometric loss against hand-made pairs and a brute-force implementation."""
import resource
import time

import pytest
import torch

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.metric_learning import QuasiIsometricLoss

BAND = dict(K=2., B=1., epsilon=10.)


def pair(feature_distance, depth_distance):
    """Return two descriptors and two depths at these distances."""
    features = torch.zeros(2, 4)
    features[1, 2] = feature_distance
    return features, torch.tensor([5., 5. + depth_distance])


@pytest.mark.parametrize('feature_distance, depth_distance, loss', [
    (4., 4., 0.),  # in the band from 1 to 9
    (9., 4., 0.), (1., 4., 0.),  # on its edges
    (11.5, 4., 2.5),  # above
    (0.25, 4., .75),  # below
    (30., 10., 9.),  # a depth distance of epsilon still counts: 30 - 21
    (500., 10.1, 0.),  # beyond epsilon
    (0., 0., 0.), (3., 0., 2.),  # at equal depth the band is [-1, 1]
])
def test_loss_of_a_pair(feature_distance, depth_distance, loss):
    result = QuasiIsometricLoss(**BAND)(*pair(feature_distance, depth_distance))
    assert result.loss.item() == pytest.approx(loss)
    assert result.logs.keys() == {'qi_satisfied'}
    assert result.logs['qi_satisfied'].item() == (loss == 0)


def brute_force(features, depths, K, B, epsilon, average):
    total, counted, violating = 0., 0, 0
    for i in range(len(features)):
        for j in range(i + 1, len(features)):
            d_z = abs(depths[i] - depths[j]).item()
            d_f = ((features[i] - features[j]) ** 2).sum().sqrt().item()
            if d_z <= epsilon:
                excess = max(0., d_f - (K * d_z + B)) + max(0., (d_z / K - B) - d_f)
                total, counted = total + excess, counted + 1
                violating += excess > 0
    count = violating if average == 'violating' else counted
    return total / max(1, count), 1 - violating / max(1, counted)


@pytest.mark.parametrize('average', ['violating', 'valid'])
@pytest.mark.parametrize('epsilon', [3., float('inf')])
def test_agrees_with_brute_force(average, epsilon):
    torch.manual_seed(0)
    features, depths = 2 * torch.randn(25, 8), 30 * torch.rand(25)
    settings = dict(K=1.5, B=.5, epsilon=epsilon, average=average)
    loss, logs = QuasiIsometricLoss(loss_weight=.3, **settings)(features, depths)
    expected, share = brute_force(features, depths, **settings)
    assert loss.item() == pytest.approx(.3 * expected, rel=1e-5)
    assert logs['qi_satisfied'].item() == pytest.approx(share) and 0 < share < 1


def test_gradient_is_that_of_finite_differences():
    torch.manual_seed(1)
    features = (3 * torch.randn(7, 3, dtype=torch.double)).requires_grad_()
    depths = 12 * torch.rand(7, dtype=torch.double)
    loss = QuasiIsometricLoss(K=1.2, B=.2, epsilon=8.)
    assert torch.autograd.gradcheck(lambda x: loss(x, depths).loss, features)


def test_order_of_objects_does_not_matter():
    torch.manual_seed(2)
    features, depths = torch.randn(20, 6), 20 * torch.rand(20)
    order = torch.randperm(20)
    loss = QuasiIsometricLoss(**BAND)
    torch.testing.assert_close(loss(features, depths), loss(features[order], depths[order]))


@pytest.mark.parametrize('features, depths', [
    (torch.zeros(0, 4), torch.zeros(0)), (torch.ones(1, 4), torch.ones(1)),
    (torch.randn(2, 4), torch.tensor([1., 60.])),  # no pair within epsilon
    (torch.randn(3, 4), torch.tensor([1., float('nan'), float('inf')])),
    (torch.zeros(5, 4), torch.full((5, ), 7.)),  # one depth, one descriptor
])
def test_loss_without_counted_pairs_is_a_differentiable_zero(features, depths):
    features = features.clone().requires_grad_()
    loss, logs = QuasiIsometricLoss(**BAND)(features, depths)
    assert loss.item() == 0 and logs['qi_satisfied'].item() == 1
    loss.backward()
    assert (features.grad == 0).all()


def test_equal_descriptors_have_a_finite_gradient():
    features = torch.zeros(4, 3, requires_grad=True)
    loss, _ = QuasiIsometricLoss(K=1., B=0., epsilon=50.)(features, torch.arange(4.))
    loss.backward()
    assert loss.item() == pytest.approx(10 / 6) and torch.isfinite(features.grad).all()


def test_object_with_nan_depth_is_in_no_pair():
    torch.manual_seed(3)
    features, depths = torch.randn(6, 4), 10 * torch.rand(6)
    loss = QuasiIsometricLoss(**BAND)
    with_nan = loss(torch.cat([features, torch.randn(1, 4)]),
                    torch.cat([depths, torch.tensor([float('nan')])]))
    torch.testing.assert_close(with_nan, loss(features, depths))


def test_memory_and_time_of_thousands_of_objects():
    torch.manual_seed(4)
    features, depths = torch.randn(4096, 64, requires_grad=True), 60 * torch.rand(4096)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    loss, _ = QuasiIsometricLoss(**BAND)(features, depths)
    loss.backward()
    assert time.process_time() - start < 4  # CPU seconds of all cores
    # In kB. An (N, N, C) tensor would take 4.3 GB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1e6


@pytest.mark.parametrize('change', [dict(K=.9), dict(B=-1.), dict(epsilon=0.),
                                    dict(average='mean')])
def test_invalid_constant_is_refused(change):
    with pytest.raises(InputError, match='QuasiIsometricLoss'):
        QuasiIsometricLoss(**{**BAND, **change})
