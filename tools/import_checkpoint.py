#!/usr/bin/env python
"""Converts published checkpoints: python tools/import_checkpoint.py monolss OFFICIAL OUT."""
import argparse
import sys
from pathlib import Path
from typing import Dict

import torch
from mmdet3d.registry import MODELS
from mmengine.registry import init_default_scope

from mmdet3d_plugin.engine.launch import check_writable, config_errors, read_config
from mmdet3d_plugin.engine.safe_loading import load_plain_checkpoint
from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.models.detectors import CenterMono3D
from mmdet3d_plugin.models.official_weights import import_monolss, tensor_entries
from mmdet3d_plugin.utils.command_line import run_command
from mmdet3d_plugin.utils.files import atomic_path

CONFIG = 'configs/monolss/monolss_dla34_kitti_reference.py'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Convert a checkpoint of the authors' own code into weights for this "
        'project. Every entry and its shape is checked; the file is read without executing code.',
        epilog='example: python tools/import_checkpoint.py monolss checkpoint_best.pth '
        'work_dirs/monolss_official.pth')
    parser.add_argument('method', choices=['monolss'], help='whose checkpoint it is')
    parser.add_argument('official', help="the authors' file")
    parser.add_argument('out', type=Path, help='the file to write')
    parser.add_argument('--config', default=CONFIG,
                        help='config that the weights are for (default: %(default)s)')
    return parser.parse_args()


def build_detector(path: str) -> CenterMono3D:
    with config_errors(path):
        cfg = read_config(path)
        cfg.model.backbone.init_cfg = None
        init_default_scope(cfg.default_scope)
        detector = MODELS.build(cfg.model)
    if not isinstance(detector, CenterMono3D):
        raise InputError(f'{path}: describes a {type(detector).__name__}, not MonoLSS')
    return detector


def check_mean_sizes(source: Dict[str, torch.Tensor], detector: CenterMono3D) -> None:
    """Warns if the sizes that residuals count from are others than the config's."""
    theirs, ours = source.get('mean_size'), detector.coder.mean_sizes
    if theirs is not None and (theirs.shape != ours.shape
                               or not torch.allclose(theirs.float(), ours, atol=1e-4)):
        print("import_checkpoint.py: warning: the checkpoint's mean sizes differ from the "
              f"config's model.coder.mean_sizes: {theirs.tolist()}", file=sys.stderr)


def main() -> None:
    args = parse_args()
    check_writable(args.out.parent, 'OUT')
    content = load_plain_checkpoint(args.official)
    source = tensor_entries(content.get('model_state', content))
    detector = build_detector(args.config)
    try:
        imported = import_monolss(source, detector)
    except InputError as error:
        raise InputError(f'{args.official}: {error}') from None
    check_mean_sizes(source, detector)
    with atomic_path(args.out) as path:
        torch.save(dict(meta=dict(imported_from=str(args.official)),
                        state_dict=imported.state_dict), path)
    print(f'{len(source)} entries read, {len(source) - len(imported.unused)} imported')
    for title, keys in (('unused', imported.unused), ('missing', imported.missing)):
        print(f'{len(keys)} {title}{": " * bool(keys)}{", ".join(keys)}')
    print(f'wrote {args.out}; evaluate it with\n'
          f'  python tools/test.py {args.config} {args.out}')


if __name__ == '__main__':
    run_command(main)
