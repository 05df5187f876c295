"""Convert a published checkpoint: python tools/import_checkpoint.py METHOD OFFICIAL OUT."""
import argparse
import sys
from pathlib import Path
from typing import Dict

import torch

from ..engine.load_model import load_model
from ..engine.safe_loading import load_plain_checkpoint
from ..errors import InputError
from ..models.detectors import CenterMono3D
from ..models.official_monocon import import_monocon
from ..models.official_weights import METHODS, import_official, tensor_entries
from ..utils.files import atomic_path, check_writable
from .command_line import config_errors
from .help_formatter import ExampleFormatter

CONFIG = 'configs/{method}/{method}_dla34_kitti_reference.py'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Convert a checkpoint of the authors' code to weights of this project. The "
        'name and shape of every entry is checked. The file is read without executing code.',
        epilog='example:\n  python tools/import_checkpoint.py monolss checkpoint_best.pth '
        'work_dirs/monolss_official.pth', formatter_class=ExampleFormatter)
    parser.add_argument('method', choices=sorted([*METHODS, 'monocon']),
                        help='method of the checkpoint')
    parser.add_argument('official', help="checkpoint of the authors' code")
    parser.add_argument('out', type=Path, help='output file')
    parser.add_argument('--config', metavar='CONFIG', help='config of the converted weights '
                        f'(default: {CONFIG.format(method="METHOD")})')
    args = parser.parse_args()
    args.config = args.config or CONFIG.format(method=args.method)
    return args


def build_detector(path: str) -> CenterMono3D:
    """Build the detector of a config file on the CPU.

    Raises:
        InputError: the config is missing or describes another model.
    """
    with config_errors(path):
        detector = load_model(path, device='cpu')
    if not isinstance(detector, CenterMono3D):
        raise InputError(f'{path}: describes a {type(detector).__name__}, not a CenterMono3D')
    return detector


def check_mean_sizes(source: Dict[str, torch.Tensor], detector: CenterMono3D) -> None:
    """Print a warning if the checkpoint's mean object sizes differ from the config's."""
    theirs, ours = source.get('mean_size'), detector.coder.mean_sizes
    if theirs is not None and (theirs.shape != ours.shape
                               or not torch.allclose(theirs.float(), ours, atol=1e-4)):
        print("import_checkpoint.py: warning: the checkpoint's mean sizes differ from the "
              f"config's model.coder.mean_sizes: {theirs.tolist()}", file=sys.stderr)


def main() -> None:
    """Run the command."""
    args = parse_args()
    check_writable(args.out.parent, 'OUT')
    content = load_plain_checkpoint(args.official)
    source = tensor_entries(content.get('model_state', content.get('state_dict', content)))
    detector = build_detector(args.config)
    try:
        if args.method == 'monocon':
            imported = import_monocon(source, detector)
        else:
            imported = import_official(source, args.method, detector)
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
