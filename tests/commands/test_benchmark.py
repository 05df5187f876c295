"""The command ``tools/benchmark.py`` and its clock."""
import json
import mmap
import resource
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from tiny_config import write_config, write_depth_config
from tiny_depth import write_synthetic

from mmdet3d_plugin.commands import speed_test
from mmdet3d_plugin.commands.speed_test import (
    PHASES,
    PhaseClock,
    SpeedTest,
    matrix_ceiling,
    peak_memory,
    ratios,
    reset_peak_memory,
)

MATRIX_SIZE = 512


@pytest.fixture(autouse=True)
def small_matrices(monkeypatch):
    monkeypatch.setitem(speed_test.MATRIX_SIZES, 'cpu', MATRIX_SIZE)


def test_phases_are_timed_and_losses_are_separate(monkeypatch):
    now = [0]

    def work(seconds):
        now[0] += seconds

    monkeypatch.setattr(speed_test, 'time', SimpleNamespace(perf_counter=lambda: now[0]))
    times = dict.fromkeys(PHASES, 0)
    head = SimpleNamespace(loss=lambda: work(4))
    clock = PhaseClock('cpu', times)
    with clock.phase('forward'), clock.losses_of(
            SimpleNamespace(loss_methods=lambda: [(head, 'loss')])):
        work(2)
        head.loss()
    head.loss()  # outside the context, so it is not counted
    assert times == {**dict.fromkeys(PHASES, 0), 'loss': 4, 'forward': 6}
    with PhaseClock('cpu', None).phase('forward'):
        pass


def test_ratios():
    own, other = ({f'{name}_images_per_s': value for name, value in zip(
        ('loading', 'training', 'inference'), values)} for values in ([6, 3, 1], [2, 2, 4]))
    assert ratios(own, other) == dict(loading=3., training=1.5, inference=.25)


def test_peak_memory_counts_from_the_reset(monkeypatch):
    def fill():  # 256 MiB, returned to the system at once, unlike those of an allocator
        with mmap.mmap(-1, 2 ** 28) as memory:
            for _ in range(256):
                memory.write(bytes(2 ** 20))

    if not (speed_test.PROCESS / 'clear_refs').exists():
        pytest.skip('this system does not reset the peak')
    reset_peak_memory('cpu')
    start = peak_memory('cpu')
    fill()
    assert 250 < peak_memory('cpu') - start < 300
    reset_peak_memory('cpu')
    assert peak_memory('cpu') - start < 50
    monkeypatch.setattr(speed_test, 'PROCESS', Path('/proc/absent'))
    reset_peak_memory('cpu')
    fallback = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert peak_memory('cpu') == pytest.approx(fallback, abs=1)


def test_matrix_ceiling():
    start = time.perf_counter()
    ceiling = matrix_ceiling('cpu', torch.float32, repeats=1)
    assert ceiling > 2 * 2 * MATRIX_SIZE ** 3 / (time.perf_counter() - start)


def test_a_config_is_measured_against_another(run_tool, kitti_root, tmp_path):
    config = write_config(tmp_path, kitti_root, extra='acceleration = dict(channels_last=False)')
    code, printed = run_tool(
        'benchmark', config, '--batch', 2, '--rounds', 2, '--steps', 1, '--images', 3,
        '--channels-last', '--against', config, '--json', tmp_path / 'out.json')
    assert code == 0, printed.err
    content = json.loads((tmp_path / 'out.json').read_text())
    fast, plain = content['results']
    assert fast['acceleration']['channels_last'] and not plain['acceleration']['channels_last']
    for figures in (fast, plain):
        split = sum(figures['training_split_s'].values())
        assert min(figures['training_split_s'].values()) >= 0
        assert .1 < split / figures['training_step_s'] < 10
        assert figures['inference_latency_p95_s'] >= figures['inference_latency_s']
        assert figures['training_images_per_s'] == pytest.approx(2 / figures['training_step_s'])
        assert 0 < figures['training_utilisation'] < 1
    assert content['ratios']['training'] == pytest.approx(
        fast['training_images_per_s'] / plain['training_images_per_s'])
    assert f'{content["ratios"]["training"]:.2f} times as fast in training' in printed.out
    assert '% of the ceiling' in printed.out and 'optimizer' in printed.out


def test_a_depth_estimator_is_measured(run_tool, tmp_path):
    config = write_depth_config(tmp_path, write_synthetic(tmp_path / 'set'))
    code, printed = run_tool(
        'benchmark', config, '--batch', 2, '--rounds', 1, '--steps', 1, '--images', 1,
        '--channels-last', '--json', tmp_path / 'out.json', '--cfg-options',
        'test_dataloader.dataset.ann_file=ImageSets/train.txt')
    assert code == 0, printed.err
    figures, = json.loads((tmp_path / 'out.json').read_text())['results']
    assert min(figures['training_split_s'].values()) > 0
    assert figures['training_flops'] > 2 * figures['inference_flops'] > 0


def test_each_config_has_its_own_acceleration(run_tool, kitti_root, tmp_path):
    config = write_config(tmp_path, kitti_root)
    other = tmp_path / 'other.py'
    other.write_text(config.read_text() + '\nacceleration = dict(turbo=True)\n')
    code, printed = run_tool('benchmark', config, '--against', other)
    assert code == 2 and 'Traceback' not in printed.err
    assert 'other.py: acceleration.turbo=True: expected one of' in printed.err.splitlines()[-1]
    cfg = Config.fromfile(config)
    cfg.acceleration = dict(bfloat16=True)
    test = SpeedTest(cfg, 'cpu', 2, 0)
    assert type(test.optim_wrapper).__name__ == 'AutocastOptimWrapper'


def test_flops_of_a_detector_are_those_of_its_convolutions(kitti_root, tmp_path):
    """A convolution has two operations per weight and output pixel."""
    test = SpeedTest(Config.fromfile(write_config(tmp_path, kitti_root)), 'cpu', 2, 0)
    counted = []

    def count(module, inputs, output):
        per_pixel = module.weight.numel()  # (out, in / groups, h, w)
        pixels = (inputs[0] if isinstance(module, torch.nn.ConvTranspose2d) else output)
        counted.append(2 * per_pixel * pixels[:, 0].numel())

    for module in test.predictor.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
            module.register_forward_hook(count)
    test.predict(1)
    assert test.predict_flops == pytest.approx(sum(counted), rel=.01)


def test_profile_of_a_detector(run_tool, kitti_root, tmp_path):
    config = write_config(tmp_path, kitti_root)
    code, printed = run_tool('benchmark', config, '--batch', 2, '--steps', 1, '--profile',
                             '--json', tmp_path / 'out.json')
    assert code == 0, printed.err
    assert 'selector and losses' in printed.out
    assert json.loads((tmp_path / 'out.json').read_text())['parts_ms']['backbone'] > 0


def test_profile_of_a_depth_estimator(run_tool, tmp_path):
    config = write_depth_config(tmp_path, write_synthetic(tmp_path / 'set'))
    code, printed = run_tool('benchmark', config, '--batch', 2, '--steps', 1, '--profile',
                             '--json', tmp_path / 'out.json', '--cfg-options',
                             'test_dataloader.dataset.ann_file=ImageSets/train.txt')
    assert code == 0, printed.err
    parts = json.loads((tmp_path / 'out.json').read_text())['parts_ms']
    assert set(parts) == {'preprocessing', 'backbone', 'decode head', 'selector and losses',
                          'optimizer'}
    assert min(parts.values()) > 0


@pytest.mark.parametrize('arguments, message', [
    (['--batch', '0'], '--batch: expected at least 1'),
    (['--workers', '-1'], '--workers: expected at least 0'),
    (['--cfg-options', "acceleration.fast=True"], 'acceleration.fast=True: expected one of'),
    (['--cfg-options', 'train_dataloader.dataset.data_root=/absent/'], '/absent')])
def test_bad_arguments_end_with_one_error_line(run_tool, kitti_root, tmp_path, arguments, message):
    code, printed = run_tool('benchmark', write_config(tmp_path, kitti_root), *arguments)
    assert code == 2
    assert 'Traceback' not in printed.err and message in printed.err.splitlines()[-1]
