"""Measure the speed of loading, training and inference: python tools/benchmark.py CONFIG."""
import argparse
import json
import os
import platform
from pathlib import Path
from typing import Any, Dict, List, Optional

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.utils.dl_utils import set_multi_processing

from ..engine.config_files import read_config
from ..errors import InputError
from ..utils.files import atomic_write
from .command_line import config_errors
from .options import set_acceleration
from .speed_test import PHASES, SpeedTest, measure, ratios
from .step_profile import profile_steps


def make_test(cfg: Config, args: argparse.Namespace, device: str) -> SpeedTest:
    """Return the speed test of a config with the batch size and workers of the options."""
    workers = args.workers if args.workers is not None else cfg.train_dataloader.num_workers
    return SpeedTest(cfg, device, args.batch or cfg.train_dataloader.batch_size, workers)


def choose_device(wanted: Optional[str]) -> str:
    """Return 'cpu' or 'cuda'. With ``wanted='cpu'`` all GPUs are hidden from this process.

    Raises:
        InputError: a GPU is wanted, and there is none.
    """
    if wanted == 'cpu':
        os.environ['CUDA_VISIBLE_DEVICES'] = ''
    if wanted == 'cuda' and not torch.cuda.is_available():
        raise InputError('--device cuda: PyTorch sees no GPU; use --device cpu')
    return 'cuda' if torch.cuda.is_available() else 'cpu'


def machine(device: str) -> Dict[str, Any]:
    """Return device, its name, number of threads and PyTorch version."""
    name = torch.cuda.get_device_name() if device == 'cuda' else platform.processor()
    return dict(device=device, name=name, threads=torch.get_num_threads(),
                torch=torch.__version__)


def table(figures: Dict[str, Any]) -> str:
    """Return the figures of one config as text for the terminal.

    Args:
        figures: an item of :func:`measure`'s result, with ``batch`` added.
    """
    split = figures['training_split_s']
    whole = sum(split.values())
    phases = ', '.join(f'{phase} {1000 * split[phase]:.1f} ms ({100 * split[phase] / whole:.0f} %)'
                       for phase in PHASES)
    ceiling = figures['matrix_product_flops_per_s'] / 1e12
    return '\n'.join([
        f'loading    {figures["loading_images_per_s"]:8.2f} images/s',
        f'training   {figures["training_images_per_s"]:8.2f} images/s, '
        f'{1000 * figures["training_step_s"]:.1f} ms per step of batch {figures["batch"]}, '
        f'{figures["training_peak_memory_mib"]:.0f} MiB, '
        f'{100 * figures["training_utilisation"]:.0f} % of the ceiling',
        f'           {phases}',
        f'inference  {figures["inference_images_per_s"]:8.2f} images/s, median '
        f'{1000 * figures["inference_latency_s"]:.1f} ms, p95 '
        f'{1000 * figures["inference_latency_p95_s"]:.1f} ms, '
        f'{figures["inference_peak_memory_mib"]:.0f} MiB, '
        f'{100 * figures["inference_utilisation"]:.0f} % of the ceiling',
        f'ceiling    {ceiling:8.2f} TFLOP/s, product of '
        f'{figures["matrix_product_dtype"]} matrices'])


def run_profile(cfg: Config, args: argparse.Namespace, device: str) -> None:
    """Profile training steps of a config; print and save the time of each part."""
    test = make_test(cfg, args, device)
    result = profile_steps(test.model, test.optim_wrapper, test.next_batch(), args.steps)
    print(result.table())
    save(args, dict(config=args.config, batch=test.batch_size, **machine(device),
                    step_ms=result.step, parts_ms=result.parts))


def run_measurement(configs: List[Config], args: argparse.Namespace, device: str) -> None:
    """Measure configs in turn; print and save their figures."""
    tests = [make_test(cfg, args, device) for cfg in configs]
    results = measure(tests, args.rounds, args.steps, args.images)
    for cfg, test, figures in zip(configs, tests, results):
        figures.update(config=cfg.filename, batch=test.batch_size,
                       acceleration=dict(cfg.get('acceleration', {})))
        active = [name for name, on in figures['acceleration'].items() if on]
        print(f'\n{cfg.filename}, {", ".join(active) or "no speed options"}')
        print(table(figures))
    content: Dict[str, Any] = dict(machine=machine(device), results=results)
    if args.against:
        content['ratios'] = ratios(*results)
        print('\nthe first is ' + ', '.join(
            f'{ratio:.2f} times as fast in {name}' for name, ratio in content['ratios'].items()))
    save(args, content)


def save(args: argparse.Namespace, content: Dict[str, Any]) -> None:
    """Write the figures to the JSON file of the options."""
    path = Path(args.json or f'work_dirs/benchmark/{Path(args.config).stem}.json')
    atomic_write(path, json.dumps(content, indent=1))
    print(f'\nfigures: {path}')


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    device = choose_device(args.device)
    if args.tf32:
        torch.set_float32_matmul_precision('high')
        torch.backends.cudnn.allow_tf32 = True
    elif device == 'cuda':
        torch.backends.cudnn.allow_tf32 = False
    with config_errors(args.config):
        cfg = read_config(args.config, args.cfg_options)
        set_acceleration(cfg, args)
        configs = [cfg]
        if args.against:
            configs.append(read_config(args.against, args.cfg_options))
        init_default_scope(cfg.default_scope)
        # As mmengine's runner does: each data loader worker uses one thread.
        set_multi_processing(**cfg.env_cfg.mp_cfg)
        MMLogger.get_current_instance().setLevel('WARNING')
        if args.profile:
            run_profile(cfg, args, device)
        else:
            run_measurement(configs, args, device)
