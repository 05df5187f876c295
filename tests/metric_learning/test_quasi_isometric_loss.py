"""Quasi-isometric loss against hand-made pairs and a brute-force implementation."""
import itertools
import math
import resource
import time

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.metric_learning import QuasiIsometricLoss
from mmdet3d_plugin.metric_learning.quasi_isometric_loss import released_pair_loss

BAND = dict(K=2., B=1., epsilon=10.)
# Constants of the released code.
RELEASED = dict(K=1.5, B=.5, epsilon=10., form='released', tau=10.)
INF, NAN = float('inf'), float('nan')
each_form = pytest.mark.parametrize('form', ['hinge', 'released'])


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
@each_form
def test_loss_without_counted_pairs_is_a_differentiable_zero(features, depths, form):
    features = features.clone().requires_grad_()
    loss, logs = QuasiIsometricLoss(**BAND, form=form)(features, depths)
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


@pytest.mark.parametrize('form, seconds', [('hinge', 4), ('released', 12)])
def test_memory_and_time_of_thousands_of_objects(form, seconds):
    torch.manual_seed(4)
    features, depths = torch.randn(4096, 64, requires_grad=True), 60 * torch.rand(4096)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    loss, _ = QuasiIsometricLoss(**BAND, form=form)(features, depths)
    loss.backward()
    assert time.process_time() - start < seconds  # CPU seconds of all cores
    # In kB. An (N, N, C) tensor would take 4.3 GB.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1e6


@pytest.mark.parametrize('change', [dict(K=.9), dict(B=-1.), dict(epsilon=0.),
                                    dict(average='mean'), dict(form='soft'), dict(tau=0.),
                                    dict(tau=INF)])
def test_invalid_constant_is_refused(change):
    with pytest.raises(InputError, match='QuasiIsometricLoss'):
        QuasiIsometricLoss(**{**BAND, **change})


@each_form
@pytest.mark.parametrize('epsilon', [10., INF])
@pytest.mark.parametrize('unknown', [
    values for count in (1, 2)
    for values in itertools.combinations_with_replacement([INF, -INF, NAN], count)], ids=str)
def test_objects_with_infinite_or_nan_depths_are_in_no_pair(form, epsilon, unknown):
    """The difference of two infinite depths is NaN, that of one is infinite, as epsilon is."""
    torch.manual_seed(3)
    features, depths = 6 * torch.randn(12, 1), 10 * torch.rand(12)
    loss = QuasiIsometricLoss(K=1.5, B=.5, epsilon=epsilon, form=form)
    more = torch.cat([features, torch.randn(len(unknown), 1)]).requires_grad_()
    found = loss(more, torch.cat([depths, torch.tensor(unknown)]))
    torch.testing.assert_close(found, loss(features, depths))
    found.loss.backward()
    assert found.loss > 0 and more.grad.isfinite().all() and (more.grad[12:] == 0).all()


def released_by_loops(first, second, depths, labels, K, B, epsilon, tau):
    """Compute the released loss of pairs (first_i, second_j), i < j, with plain numbers."""
    above, below, counted = [], [], 0
    for i in range(len(depths)):
        for j in range(i + 1, len(depths)):
            d_z = abs(depths[i] - depths[j])
            d_f = math.dist(first[i], second[j])
            if 0 < d_z <= epsilon and labels[i] == labels[j]:
                counted += 1
                if d_f > K * d_z + B:
                    above.append(d_f - (K * d_z + B))
                elif d_f < d_z / K - B:
                    below.append(d_z / K - B - d_f)
    sum_below = sum(math.exp(-excess / tau) for excess in below)
    costs = [-math.log(math.exp(-excess / tau) / (math.exp(-excess / tau) + sum_below))
             for excess in above]
    return (sum(costs) / max(1, len(costs)),
            1 - (len(above) + len(below)) / max(1, counted), len(above), len(below))


@pytest.mark.parametrize('within_class', [False, True])
@pytest.mark.parametrize('epsilon, tau', [(8., 10.), (INF, 2.)])
def test_released_loss_agrees_with_plain_loops(within_class, epsilon, tau):
    """Twelve of the 25 objects share depths, and one has a NaN depth."""
    torch.manual_seed(5)
    features = 3 * torch.randn(25, 1, dtype=torch.double)
    depths = 20 * torch.rand(25, dtype=torch.double)
    depths[:12] = depths[:6].repeat(2)
    depths[20] = NAN
    labels = torch.randint(3, (25, ))
    constants = dict(K=1.5, B=.5, epsilon=epsilon, tau=tau)
    loss, logs = QuasiIsometricLoss(
        **constants, form='released', within_class=within_class, loss_weight=.3)(
            features, depths, labels)
    compared = labels.tolist() if within_class else [0] * 25
    expected, share, num_above, num_below = released_by_loops(
        features.tolist(), features.tolist(), depths.tolist(), compared, **constants)
    assert min(num_above, num_below) > 3
    assert loss.item() == pytest.approx(.3 * expected, rel=1e-9)
    assert logs['qi_satisfied'].item() == pytest.approx(share)


def test_released_gradient_is_that_of_the_first_of_each_pair():
    """Central differences move the first descriptor of each pair and keep the second."""
    torch.manual_seed(6)
    features = (2.5 * torch.randn(9, 3, dtype=torch.double)).requires_grad_()
    depths = (12 * torch.rand(9, dtype=torch.double)).tolist()
    QuasiIsometricLoss(**RELEASED)(features, torch.tensor(depths).double()).loss.backward()
    fixed = features.tolist()
    constants = {key: value for key, value in RELEASED.items() if key != 'form'}
    expected = torch.zeros_like(features)
    for row, column in itertools.product(range(9), range(3)):
        values = []
        for step in (1e-6, -1e-6):
            moved = features.tolist()
            moved[row][column] += step
            values.append(released_by_loops(moved, fixed, depths, [0] * 9, **constants)[0])
        expected[row, column] = (values[0] - values[1]) / 2e-6
    assert (expected[:-1].abs().sum(dim=1) > 0).any() and (features.grad[-1] == 0).all()
    torch.testing.assert_close(features.grad, expected, rtol=1e-5, atol=1e-8)


def test_released_gradient_of_the_excesses_is_that_of_finite_differences():
    torch.manual_seed(7)
    above, below = (3 * torch.randn(8, dtype=torch.double).requires_grad_() for _ in range(2))
    assert (above > 0).any() and (below > 0).any()
    assert torch.autograd.gradcheck(lambda *excesses: released_pair_loss(*excesses, 2.),
                                    (above, below))


def close_and_far_pair(close, far, dtype=torch.double):
    """Return four objects on a line: a pair 9 m apart, a pair 1 m apart, and 66 m between.

    With the released constants the bands of the two counted pairs are [5.5, 14] and [1/6, 2].
    """
    features = torch.tensor([[0.], [close], [100.], [100. + far]], dtype=dtype)
    return features.requires_grad_(), torch.tensor([5., 14., 80., 81.], dtype=dtype)


def step_of(form, features, depths, learning_rate):
    """Return the distances of the two pairs after one step of gradient descent."""
    loss = QuasiIsometricLoss(**{**RELEASED, 'form': form}, loss_weight=.5)(features, depths).loss
    gradient, = torch.autograd.grad(loss, features)
    moved = (features - learning_rate * gradient).detach()
    return (moved[1] - moved[0]).item(), (moved[3] - moved[2]).item(), loss.item()


def test_released_loss_draws_a_pair_that_is_too_close_closer():
    """The close pair is 4.5 below its band and the far pair 4.5 above its band.

    The loss is log 2. Both excesses have a slope of half / tau, and only the first of each
    pair moves: 0.5 x 0.5 / 10 per unit of the learning rate.
    """
    close, far, loss = step_of('released', *close_and_far_pair(1., 6.5), learning_rate=1.)
    assert loss == pytest.approx(.5 * math.log(2))
    assert close == pytest.approx(.975) and far == pytest.approx(6.475)
    close, far, loss = step_of('hinge', *close_and_far_pair(1., 6.5), learning_rate=1.)
    # Mean of two excesses; both descriptors of each pair move by 0.5 / 2.
    assert loss == pytest.approx(.5 * 4.5)
    assert close == pytest.approx(1.5) and far == pytest.approx(6.)


@pytest.mark.parametrize('close, far', [(1., 1.), (6., 6.5)])
def test_released_loss_needs_pairs_above_and_below_the_band(close, far):
    """One pair is outside its band. The released form ignores it, the hinge moves it."""
    start = (close, far)
    *moved, loss = step_of('released', *close_and_far_pair(close, far), learning_rate=1.)
    assert loss == 0 and tuple(moved) == start
    *moved, loss = step_of('hinge', *close_and_far_pair(close, far), learning_rate=1.)
    assert loss > 0 and tuple(moved) != start


@pytest.mark.parametrize('excess, expected', [
    (1e6, (1e6 - 4.5) / .01), (4.5, math.log(2)), (1e-6, 0.)])
def test_released_loss_is_stable_at_large_excesses(excess, expected):
    """With tau 0.01 the exponentials of the definition underflow in float32."""
    features, depths = close_and_far_pair(1., 2. + excess, torch.float32)
    loss = QuasiIsometricLoss(**{**RELEASED, 'tau': .01})(features, depths).loss
    loss.backward()
    assert loss.item() == pytest.approx(expected, rel=1e-4)
    assert features.grad.isfinite().all()


class NoHostWait(TorchDispatchMode):
    """Failure at operators with a result that the host has to read."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        assert function.name() not in (
            'aten::_local_scalar_dense', 'aten::nonzero', 'aten::masked_select'), function
        indices = args[1] if function.name() in ('aten::index.Tensor',
                                                 'aten::index_put_') else ()
        assert all(index is None or index.dtype != torch.bool for index in indices)
        return function(*args, **(kwargs or {}))


@each_form
def test_host_does_not_wait_for_the_device(form):
    features, depths = close_and_far_pair(1., 6.5)
    with NoHostWait():
        QuasiIsometricLoss(**{**RELEASED, 'form': form})(features, depths).loss.backward()
    with pytest.raises(AssertionError), NoHostWait():
        features[depths > 6]
