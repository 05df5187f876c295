"""Keeps of a checkpoint what prediction needs: python tools/export_weights.py CKPT OUT."""
import argparse
from pathlib import Path
from typing import Dict

import torch

from ..engine.safe_loading import load_plain_checkpoint
from ..errors import InputError
from ..utils.files import atomic_path, check_writable

AUXILIARY, DETECTOR = 'auxiliary.', 'detector.'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write the weights of a checkpoint without optimiser state and without '
        'auxiliaries, which serve training alone. Weights of a detector inside '
        'AuxiliarySupervision become those of the bare detector.',
        epilog='example: python tools/export_weights.py work_dirs/run/epoch_15.pth '
        'work_dirs/run/deploy.pth; then test it with the config of the bare detector')
    parser.add_argument('checkpoint', help='file of a training')
    parser.add_argument('out', type=Path, help='the file to write')
    return parser.parse_args()


def deploy_weights(weights: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
    """Entries that prediction needs, under the names of the bare detector."""
    kept = {key: value for key, value in weights.items() if not key.startswith(AUXILIARY)}
    if kept and all(key.startswith(DETECTOR) for key in kept):
        kept = {key[len(DETECTOR):]: value for key, value in kept.items()}
    return kept


def main() -> None:
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
