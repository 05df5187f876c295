"""Losses of pytorch-metric-learning behind the interface of the metric losses."""
import math

import pytest
import torch
import torch.nn.functional as F
from mmdet3d.registry import MODELS
from pytorch_metric_learning import losses, miners

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.metric_learning import LibraryMetricLoss

LABELS = torch.tensor([0, 0, 1, 1, 2, 2, 0, 1])
PROXY_ANCHOR = dict(type='ProxyAnchorLoss', num_classes=3, embedding_size=4)


def draw(count=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, 4, generator=generator), dim=1)


@pytest.mark.parametrize('name', ['ContrastiveLoss', 'MultiSimilarityLoss', 'TripletMarginLoss',
                                  'SupConLoss'])
def test_value_is_that_of_the_library(name):
    expected = getattr(losses, name)()(draw(), LABELS)
    module = MODELS.build(dict(type='LibraryMetricLoss', loss=dict(type=name), loss_weight=.5))
    loss, logs = module(draw(), LABELS)
    assert loss.item() == pytest.approx(.5 * expected.item(), rel=1e-6) and logs == {}


def test_triplet_loss_by_hand():
    # Points 0 and 1 have one class. Anchor 0: sqrt(2) - 2 + .7. Anchor 1: sqrt(2) - sqrt(2) + .7.
    features = torch.tensor([[1., 0.], [0., 1.], [-1., 0.]])
    module = LibraryMetricLoss(dict(type='TripletMarginLoss', margin=.7))
    found = module(features, torch.tensor([0, 0, 1])).loss.item()
    assert found == pytest.approx((math.sqrt(2) - 2 + 2 * .7) / 2)


def test_miner():
    settings = dict(type='TripletMarginMiner', margin=.1, type_of_triplets='hard')
    pairs = miners.TripletMarginMiner(margin=.1, type_of_triplets='hard')(draw(), LABELS)
    expected = losses.TripletMarginLoss()(draw(), LABELS, pairs)
    found = LibraryMetricLoss(dict(type='TripletMarginLoss'), settings)(draw(), LABELS).loss
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    assert found != LibraryMetricLoss(dict(type='TripletMarginLoss'))(draw(), LABELS).loss


def test_proxies_are_parameters_that_learn():
    torch.manual_seed(0)
    module = LibraryMetricLoss(dict(PROXY_ANCHOR))
    assert {key: tuple(value.shape) for key, value in module.named_parameters()} == {
        'loss.proxies': (3, 4)}
    optimizer = torch.optim.Adam(module.parameters(), lr=.05)
    features = torch.eye(4)[LABELS]
    for _ in range(200):
        optimizer.zero_grad()
        module(features, LABELS).loss.backward()
        optimizer.step()
    cosines = F.normalize(module.loss.proxies, dim=1).detach()[:, :3]
    same = torch.eye(3, dtype=torch.bool)
    assert cosines[same].min() > .2 and cosines[~same].max() < -.2


def test_features_without_label_are_left_out():
    labels = LABELS.clone()
    labels[[1, 5]] = -1
    kept = labels != -1
    features = draw().requires_grad_()
    module = LibraryMetricLoss(dict(type='ContrastiveLoss'))
    loss = module(features, labels).loss
    assert loss.item() == pytest.approx(module(draw()[kept], labels[kept]).loss.item())
    loss.backward()
    assert (features.grad[~kept] == 0).all() and (features.grad[kept] != 0).any()


@pytest.mark.parametrize('labels', [[], [-1, -1, -1], [0], [0, -1, -1]])
@pytest.mark.parametrize('name', ['ContrastiveLoss', 'TripletMarginLoss', 'MultiSimilarityLoss',
                                  'SupConLoss'])
def test_batch_without_pairs_has_a_differentiable_zero(name, labels):
    features = draw(len(labels)).requires_grad_()
    loss = LibraryMetricLoss(dict(type=name))(features, torch.tensor(labels).long()).loss
    loss.backward()
    assert loss.item() == 0 and (features.grad == 0).all()


def test_batch_without_labels_has_a_gradient_of_zero_at_the_proxies():
    module = LibraryMetricLoss(dict(PROXY_ANCHOR))
    module(draw(2), torch.tensor([-1, -1])).loss.backward()
    assert (module.loss.proxies.grad == 0).all()


def test_low_precision_features():
    loss = LibraryMetricLoss(dict(PROXY_ANCHOR))(draw().bfloat16(), LABELS).loss
    assert loss.dtype == torch.float32


@pytest.mark.parametrize('kind, name, near', [
    ('loss', 'ProxyAnchor', 'ProxyAnchorLoss'), ('loss', 'TRIPLETMARGIN', 'TripletMarginLoss'),
    ('loss', 'CrossBatchMemory', None), ('loss', 'BaseMetricLossFunction', None),
    ('loss', None, None), ('miner', 'MultiSimilarity', 'MultiSimilarityMiner'),
    ('miner', 'ContrastiveLoss', None)])
def test_unknown_names(kind, name, near):
    settings = dict(loss=dict(type='ContrastiveLoss'))
    settings[kind] = dict(type=name)
    with pytest.raises(InputError, match=f'{kind} type {name!r} is not in '
                       f'pytorch_metric_learning.*did you mean {near or ""!r}'.rstrip("'")):
        LibraryMetricLoss(**settings)


@pytest.mark.parametrize('settings, message', [
    (dict(loss=dict(type='ProxyAnchorLoss')), 'loss ProxyAnchorLoss: .*num_classes'),
    (dict(loss=dict(type='ContrastiveLoss', margin=1.)), 'loss ContrastiveLoss: .*margin'),
    (dict(loss=dict(type='SubCenterArcFaceLoss')), 'SubCenterArcFaceLoss: .*num_classes'),
    (dict(loss=dict(type='ContrastiveLoss'), miner=dict(type='PairMarginMiner', a=1)), "'a'"),
    (dict(loss=dict(type='ContrastiveLoss'), loss_weight=math.inf), 'loss_weight is inf')])
def test_wrong_settings(settings, message):
    with pytest.raises(InputError, match=message):
        LibraryMetricLoss(**settings)


@pytest.mark.parametrize('features, labels, message', [
    (torch.zeros(3, 4), torch.tensor([0, 1, 3]), 'num_classes is 3, but a label is 3'),
    (torch.zeros(3, 5), torch.tensor([0, 1, 2]), 'embedding_size is 4, but .* length 5'),
    (torch.zeros(3, 4), torch.tensor([0, 1]), r'labels \(2,\)'),
    (torch.zeros(4), torch.tensor([0, 1, 1, 1]), r'features \(4,\)')])
def test_wrong_inputs(features, labels, message):
    with pytest.raises(InputError, match=message):
        LibraryMetricLoss(dict(PROXY_ANCHOR))(features, labels)


def test_batch_that_the_loss_refuses():
    with pytest.raises(InputError, match='SmoothAPLoss: .*same number of elements'):
        LibraryMetricLoss(dict(type='SmoothAPLoss'))(draw(3), torch.tensor([0, 0, 1]))
