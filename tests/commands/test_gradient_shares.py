"""The command ``tools/analysis/gradient_shares.py``."""
import json
import math

import pytest
import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmdet3d.structures import Det3DDataSample
from mmengine.config import Config
from mmengine.runner import set_random_seed
from mmengine.structures import PixelData
from tiny_config import DEMO, SMOKE, write_config

from mmdet3d_plugin.commands.gradient_shares import (
    Spread,
    build_model,
    gradient_norms,
    loss_terms,
    measure,
    parts_of,
    shares,
    summarize,
    table,
    training_batches,
)
from mmdet3d_plugin.errors import InputError


class TinyModel(nn.Module):
    """Model with linear losses, so that gradients are constants.

    The losses of a batch with factor k are ``loss_a`` = k (3 u1 + 4 u2 + 12 v) and ``loss_b`` =
    2 u1 + 5 w, with u of the backbone, v of the neck and w of the head. A frozen parameter of
    the head also enters ``loss_b``.
    """

    def __init__(self):
        super().__init__()
        self.backbone, self.neck = nn.ParameterList([torch.zeros(2)]), nn.Linear(1, 1, bias=False)
        self.head = nn.ParameterList([torch.zeros(1), torch.zeros(1)])
        self.head[1].requires_grad_(False)

    def dense_parts(self):
        return dict(backbone=self.backbone, neck=self.neck)

    def data_preprocessor(self, batch, training):
        assert training
        return batch

    def forward(self, factor, mode):
        assert mode == 'loss'
        u, v, w = self.backbone[0], self.neck.weight, self.head[0]
        return dict(loss_a=[factor * (3 * u[0] + 4 * u[1]), factor * 12 * v.sum()],
                    loss_b=2 * u[0] + 5 * w + self.head[1], accuracy=torch.tensor(7.),
                    loss_constant=torch.tensor(1.))


EXPECTED = dict(  # for the factor 1
    backbone=dict(loss_a=5., loss_b=2., loss_constant=0.),
    neck=dict(loss_a=12., loss_b=0., loss_constant=0.),
    **{'backbone+neck': dict(loss_a=13., loss_b=2., loss_constant=0.)},
    heads=dict(loss_a=0., loss_b=5., loss_constant=0.))


def test_gradient_norms_of_a_tiny_model():
    first, second = measure(TinyModel(), [dict(factor=1.), dict(factor=-2.)])
    assert first == EXPECTED and list(first) == list(EXPECTED)
    assert second['backbone+neck'] == dict(loss_a=26., loss_b=2., loss_constant=0.)


def test_means_and_deviations_over_batches():
    """Shares of ``loss_a`` on the backbone: 5 / 7 and 10 / 12."""
    summary = summarize(measure(TinyModel(), [dict(factor=1.), dict(factor=-2.)]))
    found = summary['backbone']['loss_a']
    assert found['norm'] == pytest.approx((7.5, math.sqrt(12.5)))
    mean = (5 / 7 + 10 / 12) / 2
    assert found['share'] == pytest.approx((mean, math.sqrt(2) * (10 / 12 - mean)))
    assert summary['heads']['loss_b']['share'] == (1., 0.)
    for by_loss in summary.values():
        assert sum(item['share'].mean for item in by_loss.values()) == pytest.approx(1)


def test_scaling_a_loss_scales_its_norm_alone():
    layer = nn.Linear(3, 1)
    values = layer(torch.arange(6.).view(2, 3))
    terms = dict(loss_a=values.sum(), loss_b=values.square().sum())
    plain = gradient_norms(terms, dict(layer=list(layer.parameters())))['layer']
    scaled = gradient_norms({**terms, 'loss_a': -10 * terms['loss_a']},
                            dict(layer=list(layer.parameters())))['layer']
    assert scaled == pytest.approx(dict(loss_a=10 * plain['loss_a'], loss_b=plain['loss_b']))


def test_terms_sum_to_the_training_loss():
    losses = dict(loss_a=torch.tensor([1., 3.]), loss_b=[torch.tensor(4.), torch.tensor([6., 8.])],
                  qi_satisfied=torch.tensor(9.))
    assert loss_terms(losses) == dict(loss_a=2., loss_b=11.)


def test_shares_of_zero_gradients_are_zero():
    assert shares(dict(loss_a=0., loss_b=0.)) == dict(loss_a=0., loss_b=0.)


def test_a_loss_that_a_batch_lacks_counts_as_zero():
    summary = summarize([dict(neck=dict(loss_a=1.)), dict(neck=dict(loss_a=1., loss_b=3.))])
    assert summary['neck']['loss_b']['norm'].mean == 1.5
    assert summary['neck']['loss_b']['share'].mean == 0.375


def test_table_has_a_block_per_part():
    text = table(summarize(measure(TinyModel(), [dict(factor=1.)])))
    assert [line.split() for line in text.splitlines()[:4]] == [
        ['backbone', 'gradient', 'norm', 'share,', '%'], ['loss_a', '5', '71.4'],
        ['loss_b', '2', '28.6'], ['loss_constant', '0', '0.0']]
    assert text.count('gradient norm') == 4
    assert Spread(2., .5).text('{:.1f}') == '2.0 ± 0.5'


@pytest.mark.parametrize('losses, message', [
    (dict(accuracy=torch.tensor(1.)), 'TinyModel returns no losses'),
    (None, 'the gradient of loss_a on the backbone is nan in batch 0')])
def test_unusable_losses_are_refused(monkeypatch, losses, message):
    model = TinyModel()
    if losses:
        monkeypatch.setattr(model, 'forward', lambda **_: losses)
    with pytest.raises(InputError, match=message):
        measure(model, [dict(factor=math.nan)])


def test_gradients_of_a_depth_estimator():
    """The metric loss has no gradient on the prediction layer, but on all layers before."""
    torch.manual_seed(0)
    model = MODELS.build(dict(
        type='DepthEstimator', backbone=dict(type='SlimDLANet', norm_cfg=dict(type='BN')),
        decode_head=dict(type='LTDecoder', in_channels=(32, 64, 128, 256), channels=(32, 16, 8),
                         depth_range=(1., 80.), loss_depth=dict(type='ScaleInvariantLogLoss')),
        auxiliary=[dict(type='MultiRangeAuxiliary', depth='dense', loss=dict(
            type='MultiRangeMetricLoss', num_within=2, num_across=0,
            strategy=dict(type='UniformStrategy', positive_threshold=1.,
                          negative_threshold=2., margin=3.)))]))
    depth = torch.rand(1, 32, 64) * 20 + 1
    sample = Det3DDataSample(gt_depth_map=PixelData(data=depth), metainfo=dict(img_shape=(32, 64)))
    norms, = measure(model.train(), [dict(inputs=dict(imgs=torch.rand(1, 3, 32, 64)),
                                          data_samples=[sample])])
    assert list(norms) == ['backbone', 'decode_head']  # the auxiliary has no parameters
    for by_loss in norms.values():
        assert len(by_loss) == 2 and all(norm > 0 for norm in by_loss.values())


def test_norms_are_those_of_a_backward_pass(tmp_path, kitti_root):
    path = write_config(tmp_path, kitti_root, 'configs/ddml/monolss_both_synthetic.py')
    cfg = Config.fromfile(path)
    set_random_seed(1)  # also of the augmentation, so that the batch has pairs of objects
    model = build_model(cfg, None, 'cpu')
    assert model.training and not model.object_head.depth_head.selecting
    batch, = training_batches(cfg, 1, 0)
    terms = loss_terms(model(**model.data_preprocessor(batch, True), mode='loss'))
    parts = parts_of(model)
    assert list(parts) == ['backbone', 'neck', 'dense_head', 'backbone+neck', 'heads']
    assert {id(item) for name, items in parts.items() for item in items} == {
        id(item) for item in model.parameters() if item.requires_grad}
    norms = gradient_norms(terms, parts)
    for name in ('loss_depth', 'loss_metric'):
        model.zero_grad()
        terms[name].backward(retain_graph=True)
        for part, items in parts.items():
            norm = math.sqrt(sum(item.grad.square().sum().item() for item in items
                                 if item.grad is not None))
            assert norms[part][name] == pytest.approx(norm, rel=1e-4)
    assert norms['heads']['loss_metric'] == 0 < norms['neck']['loss_metric']


@pytest.mark.parametrize('base, dense_head', [(DEMO, 'dense_head'), (
    'configs/ddml/smoke_both_synthetic.py', 'bbox_head')])
def test_command(run_tool, tmp_path, kitti_root, write_weights, base, dense_head):
    config = write_config(tmp_path, kitti_root, base)
    weights = write_weights(config, tmp_path / 'weights.pth')
    out = tmp_path / 'out/shares.json'
    code, printed = run_tool('analysis/gradient_shares', config, weights, '--batches', 2, '--json',
                             out, '--device', 'cpu', '--cfg-options',
                             'train_dataloader.batch_size=1')
    assert code == 0, printed.err
    assert f'{weights}: mean ± standard deviation over 2 batches of 1' in printed.out
    content = json.loads(out.read_text())
    assert list(content['summary']) == ['backbone', 'neck', dense_head, 'backbone+neck', 'heads']
    assert len(content['batches']) == 2
    for batch in content['batches']:
        for title, norm in batch['backbone+neck'].items():
            assert norm == pytest.approx(math.hypot(batch['backbone'][title],
                                                    batch['neck'][title]))


@pytest.mark.parametrize('change, message', [
    (['--batches', '0'], '--batches: expected at least 1'),
    (['--cfg-options', 'a'], '--cfg-options a: expected KEY=VALUE'),
    (['--cfg-options', 'train_dataloader=None'], 'has no train_dataloader')])
def test_bad_arguments_end_with_one_error_line(run_tool, tmp_path, kitti_root, change, message):
    config = write_config(tmp_path, kitti_root, SMOKE)
    code, printed = run_tool('analysis/gradient_shares', config, *change)
    assert code == 2 and message in printed.err and 'Traceback' not in printed.err
