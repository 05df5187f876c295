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
from .help_formatter import ExampleFormatter
from .training_log import read_training_log

WEIGHT_SUFFIXES = ('.pth', '.pt')
EXAMPLE = '''
examples:
  python tools/export_weights.py work_dirs/run/epoch_15.pth work_dirs/run/deploy.pth
  python tools/export_weights.py work_dirs/demo work_dirs/demo/model --license apache-2.0
'''


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write the weights that inference needs, without optimizer state and '
        'without auxiliaries: into one file with weights and config, or into a model folder '
        'with weights, config and model card, which can be pushed to a model hub. Predictor and '
        'tools/predict.py load both. Weights of a detector inside AuxiliarySupervision are '
        'renamed to those of the plain detector; test them with the config of the plain '
        'detector.',
        epilog=EXAMPLE, formatter_class=ExampleFormatter)
    parser.add_argument('checkpoint', help='checkpoint of tools/train.py, or for a model folder '
                        'also its work dir')
    parser.add_argument('out', type=Path,
                        help='output file (.pth), or for any other name a model folder')
    parser.add_argument('--config', metavar='CONFIG',
                        help='config of the weights, if the checkpoint holds none or names '
                        'your own classes')
    folder = parser.add_argument_group('model folder')
    folder.add_argument('--title', metavar='TEXT',
                        help='title of the model card (default: name of the folder)')
    folder.add_argument('--license', metavar='NAME',
                        help='licence of the weights, such as apache-2.0 (default: not stated)')
    folder.add_argument('--data', metavar='TEXT',
                        help='training data (default: not stated)')
    return parser.parse_args()


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
    if not isinstance(weights, dict) or not weights:
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


def main() -> None:
    """Run the command."""
    args = parse_args()
    if args.out.suffix in WEIGHT_SUFFIXES:
        export_file(args)
    else:
        check_writable(str(args.out), 'OUT')
        export_folder(args)
