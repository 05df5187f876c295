"""Export the inference weights of a checkpoint: python tools/export_weights.py CHECKPOINT OUT."""
import argparse
from pathlib import Path
from typing import Dict

import torch

from ..engine.safe_loading import load_plain_checkpoint
from ..errors import InputError
from ..utils.files import atomic_path, check_writable
from .help_formatter import ExampleFormatter

AUXILIARY, DETECTOR = 'auxiliary.', 'detector.'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write the weights that inference needs, without optimizer state and '
        'without auxiliaries. Weights of a detector inside AuxiliarySupervision are renamed to '
        'those of the plain detector; test them with the config of the plain detector.',
        epilog='example:\n  python tools/export_weights.py work_dirs/run/epoch_15.pth '
        'work_dirs/run/deploy.pth', formatter_class=ExampleFormatter)
    parser.add_argument('checkpoint', help='checkpoint of tools/train.py')
    parser.add_argument('out', type=Path, help='output file')
    return parser.parse_args()


def deploy_weights(weights: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
    """Return the weights that inference needs, under the names of the plain detector.

    Args:
        weights: ``state_dict`` of a checkpoint.

    Example:
        >>> list(deploy_weights({'detector.neck.bias': 0, 'auxiliary.0.bias': 0}))
        ['neck.bias']
    """
    kept = {key: value for key, value in weights.items() if not key.startswith(AUXILIARY)}
    if kept and all(key.startswith(DETECTOR) for key in kept):
        kept = {key[len(DETECTOR):]: value for key, value in kept.items()}
    return kept


def main() -> None:
    """Run the command."""
    args = parse_args()
    check_writable(str(args.out.parent), 'OUT')
    weights = load_plain_checkpoint(args.checkpoint).get('state_dict')
    if not isinstance(weights, dict) or not weights:
        raise InputError(f'{args.checkpoint}: holds no state_dict; pass a checkpoint of '
                         'tools/train.py')
    kept = deploy_weights(weights)
    with atomic_path(args.out) as path:
        torch.save(dict(meta=dict(exported_from=args.checkpoint), state_dict=kept), path)
    print(f'{args.out}: {len(kept)} entries, {len(weights) - len(kept)} of auxiliaries left out')
