"""Acceleration changes neither training nor predictions, except for rounding."""
import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner, set_random_seed
from reliability.toy_runner import toy_config
from tiny_kitti import packed_frames, write_kitti
from tiny_training import TinyDLANet  # noqa: F401 registers it

from mmdet3d_plugin.engine.acceleration import AccelerationHook, accelerate, configure_acceleration
from mmdet3d_plugin.errors import InputError

CONFIG = 'configs/monolss/monolss_dla34_synthetic-demo.py'
STEPS = 15


@pytest.fixture(scope='module')
def batch(tmp_path_factory):
    root = write_kitti(tmp_path_factory.mktemp('data') / 'kitti')
    return pseudo_collate(packed_frames(root, ['Pedestrian', 'Car', 'Cyclist']))


def train(batch, bfloat16=False, **switches):
    """Train, and return the losses and the model."""
    cfg = Config.fromfile(CONFIG)
    cfg.model.backbone.type = 'TinyDLANet'
    cfg.model.neck.in_channels = (8, 16, 32, 64)
    for head in (cfg.model.dense_head, cfg.model.object_head):
        head.in_channels, head.hidden_channels = 8, 32
    set_random_seed(0)
    model = MODELS.build(copy.deepcopy(cfg.model))
    model.init_weights()
    accelerate(model, **switches)
    wrapper = build_optim_wrapper(model, dict(
        type='AutocastOptimWrapper' if bfloat16 else 'OptimWrapper',
        optimizer=dict(type='Adam', lr=5e-4)))
    model.train()
    losses = [model.train_step(batch, wrapper)['loss'].item() for _ in range(STEPS)]
    return np.array(losses), model


@pytest.fixture(scope='module')
def exact(batch):
    losses, model = train(batch)
    assert losses[-5:].mean() < .8 * losses[:5].mean()  # the training converges
    return losses, model


def check_curve(losses, exact, start, whole):
    """Compare the first loss, and the means over thirds of the loss curve.

    Rounding errors grow during a training.
    """
    np.testing.assert_allclose(losses[0], exact[0], rtol=start)
    np.testing.assert_allclose(losses.reshape(3, -1).mean(axis=1),
                               exact.reshape(3, -1).mean(axis=1), rtol=whole)


def test_channels_last_learns_the_same(batch, exact):
    losses, model = train(batch, channels_last=True)
    check_curve(losses, exact[0], start=1e-5, whole=.02)
    seen = []
    model.neck.register_forward_hook(lambda module, inputs, outputs: seen.append(outputs[0]))
    with torch.no_grad():
        model.test_step(batch)
    assert seen[0].is_contiguous(memory_format=torch.channels_last)


def test_bfloat16_learns_the_same(batch, exact):
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip('this CPU has no bfloat16 arithmetic')
    losses, _ = train(batch, bfloat16=True, channels_last=True)
    check_curve(losses, exact[0], start=5e-3, whole=.05)
    assert not np.array_equal(losses, exact[0])  # bfloat16 was used


@pytest.mark.slow
def test_compilation_learns_the_same(batch, exact):
    losses, model = train(batch, compile=True, channels_last=True)
    check_curve(losses, exact[0], start=1e-4, whole=.02)
    assert model.backbone._compiled_call_impl is not None
    # Compilation keeps the names of weights.
    assert model.state_dict().keys() == exact[1].state_dict().keys()


def test_predictions_agree(batch, exact):
    model = copy.deepcopy(exact[1]).eval()
    with torch.no_grad():
        plain = model.test_step(batch)
        accelerate(model, channels_last=True)
        fast = model.test_step(batch)
    found = [sample.pred_instances_3d for sample in plain]
    assert sum(map(len, found)) > 0
    for one, other in zip(plain, fast):
        torch.testing.assert_close(other.pred_instances_3d.bboxes_3d.tensor,
                                   one.pred_instances_3d.bboxes_3d.tensor, rtol=1e-3, atol=1e-3)


def test_switches_of_a_config():
    cfg = Config.fromfile(CONFIG)
    cfg.acceleration = dict(bfloat16=False, channels_last=False, compile=False)
    before = len(cfg.custom_hooks)
    configure_acceleration(cfg)
    assert len(cfg.custom_hooks) == before and not cfg.test_cfg.get('fp16')
    cfg.acceleration = dict(bfloat16=True, channels_last=True, compile=False)
    configure_acceleration(cfg)
    assert cfg.optim_wrapper.type == 'AutocastOptimWrapper'
    assert cfg.custom_hooks[-1] == dict(type='AccelerationHook', channels_last=True, compile=False)
    for wrong in (dict(chanels_last=True), dict(compile=3)):
        cfg.acceleration = wrong
        with pytest.raises(InputError, match=f'acceleration.{next(iter(wrong))}'):
            configure_acceleration(cfg)


@pytest.fixture
def float16_on_gpus():
    before = torch.get_autocast_dtype('cuda')
    torch.set_autocast_dtype('cuda', torch.float16)
    yield
    torch.set_autocast_dtype('cuda', before)


@pytest.fixture
def compiled(monkeypatch):
    """Record of the compiled modules, and whether they are frozen."""
    told = []

    def record(function, options):
        told.append((function.__self__, options['freezing']))
        return function

    monkeypatch.setattr(torch, 'compile', record)
    return told


@pytest.fixture
def run_switched(tmp_path, float16_on_gpus, monkeypatch):
    """Function ``run_switched(switches, method)``: run ``train`` or ``test`` of a runner, and
    return the model. bfloat16 counts as fast on any machine."""
    for module in ('acceleration', 'optimizers.autocast_optim_wrapper'):
        monkeypatch.setattr(f'mmdet3d_plugin.engine.{module}.has_fast_bfloat16', lambda _: True)

    def run_switched(switches, method):
        cfg = toy_config(tmp_path, acceleration=switches)
        configure_acceleration(cfg)
        runner = Runner.from_cfg(cfg)
        if method == 'test':  # no checkpoint is given
            runner.load_or_resume = lambda: None
        getattr(runner, method)()
        return runner.model

    return run_switched


@pytest.mark.parametrize('method', ['train', 'test'])
def test_switches_act_in_a_run(run_switched, compiled, method):
    model = run_switched(dict(), method)
    assert all(image.is_contiguous() and output.dtype == torch.float32
               for image, output in model.seen)
    assert not compiled and torch.get_autocast_dtype('cuda') == torch.float16

    model = run_switched(dict(channels_last=True), method)
    assert len(model.seen) == 2 and all(
        image.is_contiguous(memory_format=torch.channels_last) and not image.is_contiguous()
        and output.is_contiguous(memory_format=torch.channels_last)
        for image, output in model.seen)

    model = run_switched(dict(bfloat16=True), method)
    assert [output.dtype for _, output in model.seen] == 2 * [torch.bfloat16]
    assert torch.get_autocast_dtype('cuda') == torch.bfloat16
    assert not compiled

    model = run_switched(dict(compile=True), method)
    assert compiled == [(part, method == 'test') for part in (model.backbone, model.decode_head)]


@pytest.mark.parametrize('fast', [True, False])
def test_tests_use_bfloat16_where_it_is_fast(tmp_path, monkeypatch, float16_on_gpus, fast):
    monkeypatch.setattr('mmdet3d_plugin.engine.acceleration.has_fast_bfloat16', lambda _: fast)
    cfg = toy_config(tmp_path, acceleration=dict(bfloat16=True))
    configure_acceleration(cfg)
    assert cfg.test_cfg.fp16 is fast


def test_switches_are_applied_once():
    model = torch.nn.Module()
    model.backbone = torch.nn.Conv2d(3, 4, 3)
    model.dense_parts = lambda: dict(backbone=model.backbone)
    hook, runner = AccelerationHook(channels_last=True), SimpleNamespace(model=model)
    hook.before_train(runner)
    hook.before_test(runner)
    assert len(model.backbone._forward_pre_hooks) == 1


@pytest.mark.parametrize('odd', [3, None, [True], 'bfloat16'])
def test_acceleration_has_to_be_a_dict(odd):
    cfg = Config(dict(acceleration=odd))
    with pytest.raises(InputError, match='acceleration=.*: expected a dict of bfloat16'):
        configure_acceleration(cfg)
