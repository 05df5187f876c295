"""The composed loss: values, gradient routes, options and degenerate batches."""
import math

import pytest
import torch
from metric_learning.piecewise_linear import numpy_reference
from metric_learning.piecewise_linear.point_sets import noisy_sheet, unit_points
from mmdet3d.registry import MODELS

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.metric_learning import PiecewiseLinearLoss
from mmdet3d_plugin.metric_learning.piecewise_linear import (
    grow_pieces,
    normalize_to_nearest,
    pair_weights,
    piecewise_similarity,
)

FEATURES = unit_points(14, 8, seed=2)
POINTS = unit_points(14, 8)
PARTS = ('point_error', 'proxy_error', 'neighbourhood_error')


def build(**settings):
    torch.manual_seed(0)
    return PiecewiseLinearLoss(8, **{'num_proxies': 5, **settings}).double()


def run(features=FEATURES, points=POINTS, **settings):
    """Return the loss and the logs as numbers."""
    result = build(**settings)(features, points)
    return result.loss.item(), {key: value.item() for key, value in result.logs.items()}


@pytest.mark.parametrize('settings', [
    {}, dict(dim=2, rule='seed', threshold=.7, n_alpha=2., n_beta=1., delta=1.5,
             num_neighbours=4, loss_weight=.3), dict(rule='share'), dict(rule='all')])
def test_agrees_with_numpy(settings):
    module = build(**settings)
    result = module(FEATURES, POINTS)
    dim, delta = settings.get('dim', 3), settings.get('delta', 2.)
    exponents = settings.get('n_alpha', 4.), settings.get('n_beta', .5)
    projectors, members = numpy_reference.pieces(
        POINTS.numpy(), dim, settings.get('rule', 'each'), settings.get('threshold', .9))
    similarity = numpy_reference.symmetric_similarity(POINTS.numpy(), projectors, *exponents)
    proxies = module.proxies.points().detach().numpy()
    bases = module.proxies.bases().detach().numpy()
    to_proxies = numpy_reference.proxy_similarities(POINTS.numpy(), projectors, proxies, bases,
                                                    *exponents)
    parts = [numpy_reference.point_loss(FEATURES.numpy(), similarity, delta),
             numpy_reference.proxy_loss(FEATURES.numpy(), proxies, to_proxies, delta),
             numpy_reference.neighbourhood_loss(projectors, bases, to_proxies,
                                                settings.get('num_neighbours', 3))]
    assert [result.logs[key].item() for key in PARTS] == pytest.approx(parts, rel=1e-6)
    assert result.loss.item() == pytest.approx(settings.get('loss_weight', 1.) * sum(parts),
                                               rel=1e-6)
    assert result.logs['members_per_piece'].item() == pytest.approx(
        members.sum() / len(members))
    mean = (similarity.sum() - 14) / (14 * 13)
    assert result.logs['similarity'].item() == pytest.approx(mean)


def test_repelled_pairs():
    # One pair of equal points, 2 apart from a third: their targets are 0 and below 2.
    points = torch.tensor([[1., 0.], [1., 0.], [-1., 0.]])
    loss = PiecewiseLinearLoss(2, dim=1, num_proxies=0)
    assert loss(points, points).logs['repelled'].item() == 0
    assert loss(points[[0, 0, 0]], points).logs['repelled'].item() == pytest.approx(4 / 6)


def gradients(**settings):
    """Return the module and gradients that reach features and points."""
    module = build(**settings)
    features, points = (x.clone().requires_grad_() for x in (FEATURES, POINTS))
    module(features, points).loss.backward()
    return module, features.grad, points.grad


def test_gradient_routes_of_points():
    module, features, points = gradients(num_proxies=0)
    assert features.abs().min() > 0
    assert points is None
    assert not list(module.parameters())


def test_gradient_routes_of_proxies():
    module, features, points = gradients()
    assert points is None
    assert module.proxies.positions.grad.abs().max() > 1e-3
    assert module.proxies.frames.grad.abs().max() > 1e-3
    without = gradients(num_proxies=0)[1]
    assert (features - without).abs().max() > 1e-4


def part_gradients(name, **settings):
    """Return the gradients of one part of the loss: features, positions and frames."""
    module = build(**settings)
    features = FEATURES.clone().requires_grad_()
    pieces = grow_pieces(POINTS)
    delta = torch.tensor(2.).double()
    part = module._proxy_errors(features, pieces, delta)[name]
    inputs = features, module.proxies.positions, module.proxies.frames
    return [None if not x.requires_grad else torch.autograd.grad(
        part, x, retain_graph=True, allow_unused=True)[0] for x in inputs]


def test_point_proxy_loss_reaches_encoder_and_positions():
    features, positions, frames = part_gradients('proxy_error')
    assert features.abs().max() > 0 and positions.abs().max() > 0
    assert frames is None


def test_point_proxy_loss_with_fixed_proxies_reaches_the_encoder_alone():
    assert not build(move_proxies=False).proxies.positions.requires_grad
    features, positions, frames = part_gradients('proxy_error', move_proxies=False)
    assert features.abs().max() > 0
    assert positions is None and frames is None


def test_neighbourhood_loss_reaches_bases_of_proxies_alone():
    features, positions, frames = part_gradients('neighbourhood_error')
    assert frames.abs().max() > 0
    assert features is None and positions is None


def test_default_points_are_the_features_without_gradient():
    module = build()
    features = FEATURES.clone().requires_grad_()
    module(features).loss.backward()
    other = FEATURES.clone().requires_grad_()
    build()(other, FEATURES).loss.backward()
    assert torch.equal(features.grad, other.grad)


@pytest.mark.parametrize('settings', [
    {}, dict(balance_members=True, normalize_similarity=True, learn_delta=True)])
def test_gradients_are_those_of_finite_differences(settings):
    module = build(num_proxies=2, **settings)
    features = FEATURES[:5].clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: module(x, POINTS[:5]).loss, features)


def test_learned_delta():
    module = build(delta=math.sqrt(2), learn_delta=True)
    module(FEATURES, POINTS).loss.backward()
    assert module.log_delta.exp().item() == pytest.approx(math.sqrt(2))
    assert module.log_delta.grad.abs() > 0
    fixed, learned = run(delta=1.25), run(delta=1.25, learn_delta=True)
    assert learned[0] == pytest.approx(fixed[0], rel=1e-6)
    assert fixed[1]['delta'] == 1.25
    names = set(dict(build().named_parameters()))
    assert names == {'proxies.positions', 'proxies.frames'}


def test_normalised_similarity():
    similarity = normalize_to_nearest(piecewise_similarity(grow_pieces(POINTS)))
    errors = (2 * (1 - similarity) - torch.cdist(FEATURES, FEATURES))**2
    expected = errors[~torch.eye(14, dtype=torch.bool)].mean().item()
    _, logs = run(normalize_similarity=True)
    assert logs['point_error'] == pytest.approx(expected)
    assert logs['proxy_error'] == pytest.approx(run()[1]['proxy_error'])


def test_binary_similarity():
    members = grow_pieces(POINTS).members.double()
    errors = (2 * (1 - (members + members.mT) / 2) - torch.cdist(FEATURES, FEATURES))**2
    expected = errors[~torch.eye(14, dtype=torch.bool)].mean().item()
    assert run(binary=True)[1]['point_error'] == pytest.approx(expected)


def test_balanced_members():
    pieces = grow_pieces(POINTS)
    weights = pair_weights(pieces.members, balanced=True)
    errors = (2 * (1 - piecewise_similarity(pieces)) - torch.cdist(FEATURES, FEATURES))**2
    expected = (weights * errors).sum().item()
    assert run(balance_members=True)[1]['point_error'] == pytest.approx(expected)
    assert abs(expected - run()[1]['point_error']) > 1e-4


def test_rotation_of_the_points():
    rotation = torch.linalg.qr(unit_points(8, 8, seed=9)).Q
    first, second = (run(points=points, num_proxies=0)[0] for points in
                     (POINTS, POINTS @ rotation.T))
    assert second == pytest.approx(first, rel=1e-9)


@pytest.mark.parametrize('dtype', [torch.float, torch.double])
@pytest.mark.parametrize('settings', [
    {}, dict(rule='seed'), dict(rule='share'), dict(rule='all'),
    dict(balance_members=True, learn_delta=True),
    dict(normalize_similarity=True, binary=True)])
@pytest.mark.parametrize('batch', ['empty', 'one', 'two', 'three', 'equal', 'duplicates'])
def test_degenerate_batches(batch, settings, dtype):
    points = dict(empty=POINTS[:0], one=POINTS[:1], two=POINTS[:2], three=POINTS[:3],
                  equal=POINTS[:1].repeat(6, 1), duplicates=POINTS[:4].repeat(3, 1))[batch]
    module = build(**settings).to(dtype)
    features = points.to(dtype).requires_grad_()
    result = module(features)
    result.loss.backward()
    assert result.loss.isfinite()
    assert features.grad.isfinite().all()
    for parameter in module.parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all()
    assert all(value.isfinite() for value in result.logs.values())
    if batch in ('empty', 'one'):
        assert result.logs['point_error'] == 0
    if batch == 'equal' and not settings.get('binary'):
        # All similarities are one and all distances zero.
        assert result.logs['point_error'] == 0 and result.logs['similarity'] == 1


@pytest.mark.parametrize('rule', ['each', 'seed'])
@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_loss_of_broken_features_is_nan(value, rule):
    features = FEATURES.clone()
    features[3, 2] = value
    assert build(rule=rule)(features).loss.isnan()


def test_half_precision_features():
    features = FEATURES.half().requires_grad_()
    result = build().float()(features, POINTS.half())
    result.loss.backward()
    assert result.loss.dtype == torch.float and features.grad.isfinite().all()
    assert result.loss.item() == pytest.approx(run()[0], rel=1e-2)


def test_mixed_precision():
    module = build().float()
    expected = module(FEATURES.float(), POINTS.float()).loss
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = module(FEATURES.float(), POINTS.float()).loss
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_host_does_not_wait():
    """Tensors on the meta device have no values, so reading one raises an error."""
    module = build(balance_members=True, normalize_similarity=True, learn_delta=True)
    features = torch.empty(5, 8, device='meta', requires_grad=True)
    module.to('meta')(features, torch.empty(5, 8, device='meta')).loss.backward()
    assert features.grad.shape == (5, 8)


def test_training_recovers_neighbours():
    """Free features learn the order of distances along a noisy sheet."""
    points = torch.nn.functional.normalize(noisy_sheet(30, 8, 2, .1), dim=1)
    module = build(rule='seed', num_proxies=0, delta=math.sqrt(2),
                   normalize_similarity=True)
    torch.manual_seed(0)
    raw = torch.randn(30, 8, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.Adam([raw], lr=.05)
    first = None
    for _ in range(40):
        loss = module(torch.nn.functional.normalize(raw, dim=1), points).loss
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < .5 * first


def test_is_registered_and_saves_no_more_than_its_parameters():
    module = MODELS.build(dict(type='PiecewiseLinearLoss', embed_dim=16, num_proxies=3))
    assert {key: tuple(value.shape) for key, value in module.state_dict().items()} == {
        'proxies.positions': (3, 16), 'proxies.frames': (3, 16, 3)}
    assert not any('loss' in key for key in module(unit_points(5, 16).float()).logs)


@pytest.mark.parametrize('settings, message', [
    (dict(rule='none'), "rule is 'none'"), (dict(delta=0.), 'delta 0.0'),
    (dict(n_alpha=-1.), 'n_alpha -1.0'), (dict(n_beta=float('nan')), 'n_beta nan'),
    (dict(num_proxies=-1), 'num_proxies -1'), (dict(num_neighbours=0), 'num_neighbours 0'),
    (dict(loss_weight=-1.), 'loss_weight -1.0'), (dict(dim=9), 'dim 9')])
def test_settings_out_of_range(settings, message):
    with pytest.raises(InputError, match=message):
        build(**settings)


@pytest.mark.parametrize('features, points', [
    (torch.zeros(3, 7), None), (torch.zeros(8), None), (torch.zeros(3, 8), torch.zeros(4, 8))])
def test_wrong_shapes(features, points):
    with pytest.raises(InputError, match=r'expected \(N, 8\)'):
        build()(features, points)
