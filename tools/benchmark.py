#!/usr/bin/env python
"""Says where a training step's time goes: python tools/benchmark.py CONFIG."""
import argparse
import json
import time
from pathlib import Path
from typing import Tuple

import torch
from mmdet3d.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.runner import set_random_seed
from torch.utils.data import Dataset

from mmdet3d_plugin.engine.launch import ConfigOverride, config_errors, read_config
from mmdet3d_plugin.engine.step_profile import StepProfile, profile_steps
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.detectors import CenterMono3D
from mmdet3d_plugin.utils.command_line import run_command
from mmdet3d_plugin.utils.files import atomic_write

NUM_SAMPLES = 60  # loaded for the time of one


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Profile training steps on one batch of the config\'s frames and print the '
        'time of each part, forward and backward together, and that of loading a sample.',
        epilog='example: python tools/benchmark.py configs/monolss/monolss_dla34_kitti.py '
        '--batch-size 2 --cfg-options train_dataloader.dataset.data_root=data/synthetic/')
    parser.add_argument('config', help='config file, see configs/')
    parser.add_argument('--batch-size', type=int, metavar='B', help="default: the config's")
    parser.add_argument('--steps', type=int, default=5, metavar='N',
                        help='profiled steps (default: 5)')
    parser.add_argument('--json', metavar='OUT', help='also write the figures there')
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOverride, metavar='KEY=VALUE',
                        help='override config entries')
    args = parser.parse_args()
    if args.steps < 1 or (args.batch_size or 1) < 1:
        parser.error('--steps and --batch-size: at least 1')
    return args


def loading_time(dataset: Dataset) -> float:
    """Milliseconds to load and transform a sample in one process."""
    for index in range(3):
        dataset[index % len(dataset)]
    start = time.perf_counter()
    for index in range(NUM_SAMPLES):
        dataset[index % len(dataset)]
    return 1000 * (time.perf_counter() - start) / NUM_SAMPLES


def run(cfg: Config, batch_size: int, num_steps: int) -> Tuple[StepProfile, float]:
    """The profile, and the milliseconds that loading a sample takes."""
    set_random_seed(0)
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    if not isinstance(model, CenterMono3D):
        raise InputError(f'{cfg.filename}: describes a {type(model).__name__}; only '
                         'CenterMono3D is profiled')
    model.init_weights()
    model.to(get_device())
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    batch = pseudo_collate([dataset[index % len(dataset)] for index in range(batch_size)])
    optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    return profile_steps(model, optim_wrapper, batch, num_steps), loading_time(dataset)


def main() -> None:
    args = parse_args()
    with config_errors(args.config):
        cfg = read_config(args.config, args.cfg_options)
        init_default_scope(cfg.default_scope)
        batch_size = args.batch_size or cfg.train_dataloader.batch_size
        result, loading = run(cfg, batch_size, args.steps)
    print(f'{args.config}, batch {batch_size}, {get_device()}, {torch.get_num_threads()} threads, '
          f'torch {torch.__version__}')
    print(result.table())
    print(f'loading a sample, one process: {loading:.1f} ms')
    if args.json:
        atomic_write(Path(args.json), json.dumps(
            dict(config=args.config, batch_size=batch_size, device=get_device(),
                 step_ms=result.step, parts_ms=result.parts, loading_ms=loading), indent=1))


if __name__ == '__main__':
    run_command(main)
