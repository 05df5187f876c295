"""Embedder, its head and its momentum encoder."""
import logging

import numpy as np
import pytest
import torch
import torch.nn as nn
from engine.test_no_waiting import DeviceFollower, tensors_of
from mmdet3d.registry import MODELS
from mmengine.config import Config, ConfigDict
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from tiny_embedding import build_embedder, embedder_config, random_batch

from mmdet3d_plugin import load_model
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.metric_learning import MetricLossResult
from mmdet3d_plugin.models.embedders import EmbeddingHead
from mmdet3d_plugin.models.model_contract import (
    dense_parts_of,
    loss_methods_of,
    task_of,
    task_of_config,
)

VIEWS = dict(num_images=5, num_views=3)


@MODELS.register_module()
class RecordingLoss(nn.Module):
    """Loss that keeps its arguments. It is the sum of the features, times a parameter."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))

    def forward(self, features, other):
        self.features, self.other = features, other
        return MetricLossResult(self.factor * features.sum(), dict(mean=features.detach().mean()))


RECORDING = dict(loss=dict(type='RecordingLoss'))


def loss_of(model, batch):
    data = model.data_preprocessor(batch, True)
    return model(**data, mode='loss')


# The head


def test_head_is_average_plus_maximum_linear_and_unit_length():
    head = EmbeddingHead(in_channels=2, embed_dim=2)
    head.linear.weight.data = torch.tensor([[1., 0.], [2., -1.]])
    head.linear.bias.data = torch.tensor([0., 10.])
    # Channel 0: mean 1.5, maximum 3. Channel 1: mean -2, maximum -1.
    last = torch.tensor([[[[0., 3.]], [[-3., -1.]]]])
    # Pooled (4.5, -3); linear (4.5, 9 + 3 + 10).
    expected = np.array([4.5, 22.]) / np.hypot(4.5, 22.)
    found = head([torch.full((1, 5, 2, 2), np.nan), last])  # earlier maps are not read
    np.testing.assert_allclose(found.detach().numpy(), expected[None], rtol=1e-6)


def test_head_without_linear_layer():
    head = EmbeddingHead(in_channels=2, embed_dim=None)
    head.init_weights()
    assert not list(head.parameters())
    found = head([torch.tensor([[[[0., 3.]], [[-3., -1.]]]])])
    np.testing.assert_allclose(found.numpy(), [np.array([4.5, -3.]) / np.hypot(4.5, 3.)],
                               rtol=1e-6)


def test_head_is_initialised_by_the_rule_on_outputs():
    head = EmbeddingHead(in_channels=10, embed_dim=2000)
    head.init_weights()
    assert not head.linear.bias.any()
    assert head.linear.weight.std().item() == pytest.approx((2 / 2000) ** .5, rel=.03)
    head = EmbeddingHead(4, 3, init_cfg=dict(type='Constant', layer='Linear', val=.5, bias=2.))
    head.init_weights()
    assert (head.linear.weight == .5).all() and (head.linear.bias == 2.).all()


def test_head_is_exact_under_autocast():
    head = EmbeddingHead(in_channels=16, embed_dim=8)
    maps = [torch.randn(4, 16, 3, 3).bfloat16()]
    expected = head([maps[0].float()])
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = head(maps)
    assert found.dtype == torch.float32 and torch.equal(found, expected)


@pytest.mark.parametrize('embed_dim', [0, -3])
def test_head_without_dimensions_is_refused(embed_dim):
    with pytest.raises(InputError, match=f'embed_dim is {embed_dim}, expected at least 1'):
        EmbeddingHead(4, embed_dim)


# Embedding and prediction


def test_views_are_embedded_one_by_one():
    model = build_embedder().eval()
    data = model.data_preprocessor(random_batch(**VIEWS))
    views = data['inputs']['views']
    embeddings = model(**data, mode='tensor')
    assert embeddings.shape == (5, 3, 6)
    for image, view in np.ndindex(5, 3):
        alone = model.encoder(views[image, view][None])[0]
        torch.testing.assert_close(embeddings[image, view], alone, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(embeddings.norm(dim=2), torch.ones(5, 3))


def test_prediction_is_the_first_view_of_the_trained_encoder():
    model = build_embedder(momentum=.9)
    for weight in model.momentum_encoder.buffers():
        weight.data = torch.full_like(weight, torch.nan if weight.is_floating_point() else 0)
    batch = random_batch(**VIEWS)
    data = model.data_preprocessor(batch)
    samples = model.eval().test_step(batch)
    expected = model(**data, mode='tensor')[:, 0]
    assert [sample.name for sample in samples] == [f'image {index}' for index in range(5)]
    for sample, embedding in zip(samples, expected):
        assert torch.equal(sample.pred_embedding, embedding) and embedding.isfinite().all()
        assert sample.to_dict()['label'] == sample.label


def test_task_dense_parts_and_loss():
    model = build_embedder(momentum=.9, **RECORDING)
    assert task_of(model) == task_of_config(ConfigDict(embedder_config())) == 'embedding'
    assert dense_parts_of(model) == dict(
        backbone=model.encoder.backbone, momentum_backbone=model.momentum_encoder.module.backbone)
    assert loss_methods_of(model) == [(model.loss_module, 'forward')]
    assert list(dense_parts_of(build_embedder())) == ['backbone']
    assert loss_methods_of(build_embedder()) == []


# The loss of a batch


def test_points_and_features_have_the_order_of_images_then_views():
    model = build_embedder(momentum=.9, **RECORDING).eval()
    _perturb(model.encoder)
    batch = random_batch(**VIEWS)
    views = model.data_preprocessor(batch)['inputs']['views'].flatten(0, 1)
    losses = loss_of(model, batch)
    assert set(losses) == {'loss_metric', 'mean'}
    recorded = model.loss_module
    assert torch.equal(recorded.features, model.encoder(views))
    assert torch.equal(recorded.other, model.momentum_encoder(views))
    assert not torch.allclose(recorded.features, recorded.other, atol=1e-2)


def test_clean_view_is_the_point_of_each_view():
    model = build_embedder(momentum=.9, **RECORDING).eval()
    _perturb(model.encoder)
    batch = random_batch(**VIEWS, clean=True)
    inputs = model.data_preprocessor(batch)['inputs']
    loss_of(model, batch)
    clean = model.momentum_encoder(inputs['clean'])
    assert torch.equal(model.loss_module.other.unflatten(0, (5, 3)),
                       clean[:, None].expand(5, 3, 6))
    assert torch.equal(model.loss_module.features, model.encoder(inputs['views'].flatten(0, 1)))


def test_without_momentum_the_points_are_the_features():
    model = build_embedder(**RECORDING)
    loss_of(model, random_batch(**VIEWS))
    recorded = model.loss_module
    assert torch.equal(recorded.other, recorded.features.detach())
    assert not recorded.other.requires_grad
    batch = random_batch(**VIEWS, clean=True)
    loss_of(model.eval(), batch)
    clean = model.encoder(model.data_preprocessor(batch)['inputs']['clean'])
    assert torch.equal(recorded.other, clean.repeat_interleave(3, dim=0))
    assert not recorded.other.requires_grad


def test_labels_of_the_data_set():
    model = build_embedder(labels='truth', **RECORDING)
    loss_of(model, random_batch(num_images=3, num_views=2))
    assert model.loss_module.other.tolist() == [0, 0, 10, 10, 20, 20]


def test_pseudo_labels_are_found_by_sample_index():
    model = build_embedder(labels='clusters', **RECORDING)
    with pytest.raises(InputError, match='no pseudo-labels; add a ClusterLabelHook'):
        loss_of(model, random_batch())
    model.cluster_labels = torch.tensor([9, 9, 4, 7, 5, 9])
    loss_of(model, random_batch(num_images=3, num_views=2))
    assert model.loss_module.other.tolist() == [4, 4, 7, 7, 5, 5]


@pytest.mark.parametrize('clean', [False, True])
@pytest.mark.parametrize('loss', ['PiecewiseLinearLoss', 'SelfTaughtLoss'])
def test_gradients_reach_the_trained_encoder_alone(loss, clean):
    settings = dict(embed_dim=6, dim=2) if loss == 'PiecewiseLinearLoss' else {}
    model = build_embedder(momentum=.9, loss=dict(type=loss, **settings))
    _perturb(model.encoder)
    before = {name: value.clone() for name, value in model.momentum_encoder.named_buffers()
              if 'running' not in name and 'num_batches' not in name}
    losses = loss_of(model, random_batch(num_views=2, clean=clean))
    losses['loss_metric'].backward()
    assert all(weight.grad.abs().sum() > 0 for name, weight in model.encoder.named_parameters()
               if name != 'backbone.layers.3.bias')  # batch normalisation removes this one
    assert not list(model.momentum_encoder.parameters())
    for name, value in model.momentum_encoder.named_buffers():
        assert value.grad is None and not value.requires_grad
        assert name not in before or torch.equal(value, before[name])


def test_loss_is_computed_in_float32_under_autocast():
    model = build_embedder(labels='truth', loss=dict(
        type='LibraryMetricLoss', loss=dict(type='MultiSimilarityLoss'))).eval()
    seen = []
    model.encoder.backbone.register_forward_hook(
        lambda module, inputs, maps: seen.append(maps[0].dtype))
    model.loss_module.register_forward_hook(
        lambda module, inputs, result: seen.append(
            (inputs[0] @ inputs[0].T).dtype))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = loss_of(model, random_batch())
    assert seen == [torch.bfloat16, torch.float32]
    assert losses['loss_metric'].dtype == torch.float32


@pytest.mark.parametrize('labels', ['none', 'truth', 'clusters'])
def test_a_step_does_not_wait(labels):
    """See test_no_waiting.py. The losses have tests of their own."""
    model = build_embedder(labels=labels, momentum=.9, **RECORDING).train()
    model.cluster_labels = torch.arange(20)
    wrapper = build_optim_wrapper(model, dict(optimizer=dict(type='AdamW', lr=1e-3)))
    data = model.data_preprocessor(random_batch(**VIEWS, clean=True), training=True)
    with DeviceFollower([*tensors_of(data), *model.parameters(), *model.buffers()]) as follower:
        loss, _ = model.parse_losses(model(**data, mode='loss'))
        wrapper.update_params(loss)
        model.momentum_encoder.update_parameters(model.encoder)
    assert id(loss) in follower.marked and not follower.waiting
    assert model.data_preprocessor._non_blocking


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('labels', ['none', 'truth', 'clusters'])
def test_a_step_on_a_gpu_does_not_wait(labels):
    loss = RECORDING if labels != 'none' else dict(
        loss=dict(type='PiecewiseLinearLoss', embed_dim=6, dim=2))
    model = build_embedder(labels=labels, momentum=.9, **loss).cuda().train()
    model.cluster_labels = torch.arange(20)
    wrapper = build_optim_wrapper(model, dict(optimizer=dict(type='AdamW', lr=1e-3)))

    def step():
        model.train_step(random_batch(**VIEWS, clean=True), wrapper)
        model.momentum_encoder.update_parameters(model.encoder)

    for _ in range(3):  # the first steps choose kernels and allocate memory
        step()
    torch.cuda.set_sync_debug_mode('error')
    try:
        step()
    finally:
        torch.cuda.set_sync_debug_mode('default')


# The momentum encoder


def _perturb(module, scale=.5):
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in module.parameters():
            weight += scale * torch.randn(weight.shape, generator=generator)


def states(model):
    own, trained = model.momentum_encoder.module.state_dict(), model.encoder.state_dict()
    assert own.keys() == trained.keys() and len(own) == 15
    return own, trained


def test_momentum_encoder_starts_equal_to_the_encoder():
    model = MODELS.build(embedder_config(momentum=.9))
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    torch.manual_seed(8)
    model.init_weights()
    own, trained = states(model)
    assert not torch.equal(before['head.linear.weight'], trained['head.linear.weight'])
    for name, value in trained.items():
        assert torch.equal(own[name], value)
        assert own[name].data_ptr() != value.data_ptr()


def test_momentum_encoder_is_the_moving_average():
    model = build_embedder(momentum=.75)
    expected = {name: value.double() for name, value in model.encoder.named_parameters()}
    for step in range(5):
        with torch.no_grad():
            for weight in model.encoder.parameters():
                weight.add_(step + 1)
            for statistics in model.encoder.buffers():
                statistics.add_(step + 3)
        model.momentum_encoder.update_parameters(model.encoder)
        for name, weight in model.encoder.named_parameters():
            expected[name] = .75 * expected[name] + .25 * weight.double()
    own, trained = states(model)
    untouched = states(build_embedder(momentum=.75))[0]
    for name, value in trained.items():
        if name in expected:
            torch.testing.assert_close(own[name].double(), expected[name], rtol=1e-5, atol=1e-5)
        else:  # running statistics are not those of the trained encoder
            assert torch.equal(own[name], untouched[name]) and not torch.equal(own[name], value)
    assert model.momentum_encoder.steps == 5
    # Steps of d, 2 d, ..., from the start: a k-th of them counts 1 - .75^(5 - k).
    shift = sum((k + 1) * (1 - .75 ** (5 - k)) for k in range(5))
    start = build_embedder(momentum=.75).encoder.head.linear.bias
    np.testing.assert_allclose((own['head.linear.bias'] - start).detach().numpy(), shift,
                               rtol=1e-5)


def test_momentum_encoder_follows_after_loading_and_moving():
    source = build_embedder(momentum=.5)
    _perturb(source.encoder)
    source.momentum_encoder.update_parameters(source.encoder)
    model = build_embedder(momentum=.5).double()
    model.load_state_dict(source.state_dict())
    for _ in range(2):
        model.momentum_encoder.update_parameters(model.encoder)
    own, _ = states(model)
    start = source.momentum_encoder.module.state_dict()
    for name, weight in model.encoder.named_parameters():
        assert own[name].dtype == torch.double
        torch.testing.assert_close(own[name], .25 * start[name].double() + .75 * weight)


def test_optimiser_gets_the_encoder_alone_and_stays_silent():
    """mmengine warns of each frozen parameter if some have their own learning rate."""
    model = build_embedder(momentum=.9, **RECORDING)
    records = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = records.append
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    try:
        wrapper = build_optim_wrapper(model, dict(
            optimizer=dict(type='AdamW', lr=1e-3),
            paramwise_cfg=dict(custom_keys={'encoder.head': dict(lr_mult=10.)})))
    finally:
        logger.removeHandler(handler)
    assert not records
    names = {id(weight): name for name, weight in model.named_parameters()}
    # mmengine adds a group of a scalar that is no parameter.
    rates = {names.get(id(weight)): group['lr'] for group in wrapper.param_groups
             for weight in group['params']}
    assert rates.keys() - {None} == {'loss_module.factor', *(
        f'encoder.{name}' for name, _ in model.encoder.named_parameters())}
    assert {name for name, rate in rates.items() if rate == 1e-2} == {
        'encoder.head.linear.weight', 'encoder.head.linear.bias'}


def test_statistics_of_batch_normalisation():
    batch = random_batch()
    for norm_eval in (False, True):
        model = build_embedder(momentum=.9, norm_eval=norm_eval, **RECORDING).train()
        before = {name: value.clone() for name, value in model.named_buffers()
                  if 'running' in name or 'num_batches' in name}
        assert len(before) == 12
        loss_of(model, batch)['loss_metric'].backward()
        changed = [not torch.equal(value, before[name])
                   for name, value in model.named_buffers() if name in before]
        assert all(changed) if not norm_eval else not any(changed)
        assert model.encoder.training and not model.eval().encoder.training
    # The scale of batch normalisation is trained all the same.
    assert model.encoder.backbone.layers[1].weight.grad.abs().sum() > 0


def test_statistics_of_the_momentum_encoder_fit_its_weights():
    """Encoders with weights of other sizes both have unit variance in evaluation mode."""
    model = build_embedder(momentum=.999, **RECORDING).train()
    with torch.no_grad():
        model.encoder.backbone.layers[0].weight.mul_(3.)
    batch = random_batch()
    for _ in range(60):
        loss_of(model, batch)
        model.momentum_encoder.update_parameters(model.encoder)
    model.eval()
    images = model.data_preprocessor(batch)['inputs']['views'].flatten(0, 1)
    for encoder in (model.encoder, model.momentum_encoder.module):
        convolution, norm = encoder.backbone.layers[:2]
        assert .9 < norm(convolution(images)).std(dim=(0, 2, 3)).mean() < 1.1


# Errors, and models that are loaded


@pytest.mark.parametrize('settings, message', [
    (dict(labels='true'), "labels is 'true', expected one of none, truth, clusters"),
    (dict(momentum=1.), 'momentum is 1.0, expected a share between 0 and 1, or None'),
    (dict(momentum=0), 'momentum is 0, expected a share between 0 and 1'),
    (dict(momentum=-.1), 'momentum is -0.1')])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        build_embedder(**settings)


def test_other_channels_than_those_of_the_head_are_refused():
    head = EmbeddingHead(in_channels=4, embed_dim=2)
    with pytest.raises(InputError, match='has 3 channels; set model.head.in_channels'):
        head([torch.rand(1, 3, 2, 2)])


def test_a_model_without_loss_is_not_trained():
    with pytest.raises(InputError, match='model.loss is None, so the model only predicts'):
        loss_of(build_embedder(), random_batch())


def test_loaded_model_predicts_the_same(tmp_path):
    source = build_embedder(momentum=.9, **RECORDING).eval()
    _perturb(source.encoder)
    torch.save(dict(state_dict=source.state_dict()), tmp_path / 'epoch_1.pth')
    cfg = Config(dict(model=embedder_config(momentum=.9, **RECORDING)))
    model = load_model(cfg, tmp_path / 'epoch_1.pth', device='cpu')
    for found, expected in zip(model.test_step(random_batch()), source.test_step(random_batch())):
        assert torch.equal(found.pred_embedding, expected.pred_embedding)
    assert torch.equal(*(item.momentum_encoder.module.head.linear.weight
                         for item in (source, model)))
