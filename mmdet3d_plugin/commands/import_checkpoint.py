"""Converts published checkpoints: python tools/import_checkpoint.py monolss OFFICIAL OUT."""
import argparse
import sys
from pathlib import Path
from typing import Dict

import torch

from ..engine.load_model import load_model
from ..engine.safe_loading import load_plain_checkpoint
from ..errors import InputError
from ..models.detectors import CenterMono3D
from ..models.official_weights import import_monolss, tensor_entries
from ..utils.files import atomic_path, check_writable
from .command_line import config_errors

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
        detector = load_model(path, device='cpu')
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
