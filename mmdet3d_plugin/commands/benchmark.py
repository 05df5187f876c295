"""Measures how fast a config loads, trains and predicts: python tools/benchmark.py CONFIG."""
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
from ..models.detectors import CenterMono3D
from ..utils.files import atomic_write
from .command_line import config_errors
from .options import ConfigOverride, add_acceleration_arguments, set_acceleration
from .speed_test import PHASES, SpeedTest, measure, ratios
from .step_profile import profile_steps


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Measure loading, training and prediction of a config on its own frames, '
        'against the ceiling of a large matrix product in the same run. The config is read '
        'with its labels; nothing of it is downloaded.',
        epilog='example: python tools/benchmark.py configs/monolss/monolss_dla34_kitti.py '
        '--batch 2 --amp --channels-last --against configs/monolss/monolss_dla34_kitti.py '
        '--cfg-options train_dataloader.dataset.data_root=data/synthetic/ '
        'test_dataloader.dataset.data_root=data/synthetic/')
    parser.add_argument('config', help='config file, see configs/')
    parser.add_argument('--against', metavar='OTHER_CONFIG',
                        help='measure this config in turn with the first, without the flags of '
                        'speed, and print how many times as fast the first is')
    parser.add_argument('--device', choices=['cpu', 'cuda'],
                        help='default: a GPU if there is one')
    parser.add_argument('--batch', '--batch-size', type=int, metavar='B', dest='batch',
                        help="images of a training step (default: the config's)")
    parser.add_argument('--workers', type=int, metavar='W',
                        help="processes that load data (default: the config's)")
    parser.add_argument('--tf32', action='store_true',
                        help='let a GPU multiply float32 with the precision of TensorFloat32')
    parser.add_argument('--rounds', type=int, default=5, metavar='N',
                        help='a round of warm-up and N that count (default: 5)')
    parser.add_argument('--steps', type=int, default=4, metavar='N',
                        help='training steps a round (default: 4)')
    parser.add_argument('--images', type=int, default=8, metavar='N',
                        help='predicted images a round (default: 8)')
    parser.add_argument('--profile', action='store_true',
                        help='say by the profiler which part of the detector a training step '
                        'spends its time on, in place of all else')
    parser.add_argument('--json', metavar='OUT',
                        help='where to save the figures (default: '
                        'work_dirs/benchmark/CONFIG_NAME.json)')
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOverride, metavar='KEY=VALUE',
                        help='override config entries')
    add_acceleration_arguments(parser)
    args = parser.parse_args()
    counts = [args.rounds, args.steps, args.images, 1 if args.batch is None else args.batch]
    if min(counts) < 1 or (args.workers or 0) < 0:
        parser.error('--rounds, --steps, --images and --batch: at least 1; --workers: at least 0')
    return args


def make_test(cfg: Config, args: argparse.Namespace, device: str) -> SpeedTest:
    workers = args.workers if args.workers is not None else cfg.train_dataloader.num_workers
    return SpeedTest(cfg, device, args.batch or cfg.train_dataloader.batch_size, workers)


def choose_device(wanted: Optional[str]) -> str:
    if wanted == 'cpu':
        os.environ['CUDA_VISIBLE_DEVICES'] = ''
    if wanted == 'cuda' and not torch.cuda.is_available():
        raise InputError('--device cuda: PyTorch sees no GPU; use --device cpu')
    return 'cuda' if torch.cuda.is_available() else 'cpu'


def machine(device: str) -> Dict[str, Any]:
    name = torch.cuda.get_device_name() if device == 'cuda' else platform.processor()
    return dict(device=device, name=name, threads=torch.get_num_threads(),
                torch=torch.__version__)


def table(figures: Dict[str, Any]) -> str:
    split = figures['training_split_s']
    whole = sum(split.values())
    phases = ', '.join(f'{phase} {1000 * split[phase]:.1f} ms ({100 * split[phase] / whole:.0f} %)'
                       for phase in PHASES)
    ceiling = figures['matrix_product_flops_per_s'] / 1e12
    return '\n'.join([
        f'loading    {figures["loading_images_per_s"]:8.2f} images/s',
        f'training   {figures["training_images_per_s"]:8.2f} images/s, '
        f'{1000 * figures["training_step_s"]:.1f} ms a step of batch {figures["batch"]}, '
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
    if cfg.model.type != 'CenterMono3D':
        raise InputError(f'{cfg.filename}: describes a {cfg.model.type}; only '
                         f'{CenterMono3D.__name__} is profiled by part')
    test = make_test(cfg, args, device)
    result = profile_steps(test.model, test.optim_wrapper, test.next_batch(), args.steps)
    print(result.table())
    save(args, dict(config=args.config, batch=test.batch_size, **machine(device),
                    step_ms=result.step, parts_ms=result.parts))


def run_measurement(configs: List[Config], args: argparse.Namespace, device: str) -> None:
    tests = [make_test(cfg, args, device) for cfg in configs]
    results = measure(tests, args.rounds, args.steps, args.images)
    for cfg, test, figures in zip(configs, tests, results):
        figures.update(config=cfg.filename, batch=test.batch_size,
                       acceleration=dict(cfg.get('acceleration', {})))
        active = [name for name, on in figures['acceleration'].items() if on]
        print(f'\n{cfg.filename}, {", ".join(active) or "no switches of speed"}')
        print(table(figures))
    content = dict(machine=machine(device), results=results)
    if args.against:
        content['ratios'] = ratios(*results)
        print('\nthe first is ' + ', '.join(
            f'{ratio:.2f} times as fast in {name}' for name, ratio in content['ratios'].items()))
    save(args, content)


def save(args: argparse.Namespace, content: Dict[str, Any]) -> None:
    path = Path(args.json or f'work_dirs/benchmark/{Path(args.config).stem}.json')
    atomic_write(path, json.dumps(content, indent=1))
    print(f'\nfigures: {path}')


def main() -> None:
    args = parse_args()
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
        # As the runner does: workers are many, so each keeps to one thread.
        set_multi_processing(**cfg.env_cfg.mp_cfg)
        MMLogger.get_current_instance().setLevel('WARNING')
        if args.profile:
            run_profile(cfg, args, device)
        else:
            run_measurement(configs, args, device)
