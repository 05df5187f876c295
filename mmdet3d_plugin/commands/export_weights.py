"""Export the inference weights of a checkpoint: python tools/export_weights.py CHECKPOINT OUT."""
import argparse
import math
from pathlib import Path
from typing import Any, Dict

import torch

from ..engine.deployment import deploy_weights
from ..engine.model_folder import CARD_FILE, config_text, plain_states, write_model_folder
from ..engine.safe_loading import load_plain_checkpoint
from ..engine.trained_model import CONFIG_FILE, WEIGHTS_FILE, read_trained_model
from ..errors import InputError
from ..utils.files import atomic_path, check_writable
from .training_log import read_training_log

WEIGHT_SUFFIXES = ('.pth', '.pt')


def last_metrics(checkpoint: Path) -> Dict[str, float]:
    """Return the last validation figures in the log beside a checkpoint; empty without a log.

    Args:
        checkpoint: file of a checkpoint in its work dir.
    """
    try:
        rows = read_training_log(checkpoint.parent)
    except InputError:
        return {}
    # Rows of training have a learning rate, rows of validation have not.
    validated = [row for row in rows if 'lr' not in row and 'loss' not in row]
    return {name: float(value) for name, value in (validated or [{}])[-1].items()
            if isinstance(value, (int, float)) and math.isfinite(value)
            and name not in ('step', 'time', 'data_time', 'iter', 'epoch')}


def export_folder(args: argparse.Namespace) -> None:
    """Write the model folder."""
    model = read_trained_model(args.checkpoint, args.config)
    model.build()  # checks that config and weights fit
    metrics = last_metrics(Path(model.source))
    write_model_folder(args.out, model, args.title or args.out.name, metrics, args.license,
                       args.data)
    print(f'{args.out}: {WEIGHTS_FILE} ({len(model.weights)} entries), {CONFIG_FILE}, {CARD_FILE} '
          f'({len(metrics)} metrics)')


def export_file(args: argparse.Namespace) -> None:
    """Write the weights into one file, with the config and the states of hooks if known."""
    check_writable(str(args.out.parent), 'OUT')
    weights = load_plain_checkpoint(args.checkpoint).get('state_dict')
    if weights is None:
        raise InputError(f'{args.checkpoint}: holds no state_dict; pass a checkpoint of '
                         'tools/train.py')
    kept = deploy_weights(weights)
    content: Dict[str, Any] = dict(meta=dict(exported_from=args.checkpoint), state_dict=kept)
    try:
        model = read_trained_model(args.checkpoint, args.config)
        content['meta']['cfg'] = config_text(model.config)
        content.update(plain_states(model.states))
        config = 'with config'
    except InputError as error:
        if args.config:
            raise
        config = f'without config ({error})'
    with atomic_path(args.out) as path:
        torch.save(content, path)
    print(f'{args.out}: {len(kept)} entries, {len(weights) - len(kept)} of auxiliaries left out, '
          f'{config}')


def main(args: argparse.Namespace) -> None:
    """Run the command."""
    if args.out.suffix in WEIGHT_SUFFIXES:
        export_file(args)
    else:
        check_writable(str(args.out), 'OUT')
        export_folder(args)
