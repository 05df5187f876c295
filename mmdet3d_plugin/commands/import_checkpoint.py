"""Convert a published checkpoint: python tools/import_checkpoint.py METHOD OFFICIAL OUT."""
import argparse
import sys
from typing import Dict

import torch

from ..engine.checkpoint_content import weights_of
from ..engine.load_model import load_model
from ..engine.safe_loading import load_plain_checkpoint
from ..errors import InputError
from ..models.detectors import CenterMono3D
from ..models.official_monocon import import_monocon
from ..models.official_weights import import_official, tensor_entries
from ..utils.files import atomic_path, check_writable
from .command_line import config_errors


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


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    check_writable(args.out.parent, 'OUT')
    content = load_plain_checkpoint(args.official)
    source = tensor_entries(weights_of(content, args.official, ('model_state', 'state_dict')))
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
