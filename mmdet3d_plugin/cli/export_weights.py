"""Command line of tools/export_weights.py."""
import argparse
from pathlib import Path

from .command_parser import CommandParser, ConfigAction

EXAMPLE = '''
examples:
  python tools/export_weights.py work_dirs/run/epoch_15.pth work_dirs/run/deploy.pth
  python tools/export_weights.py work_dirs/demo work_dirs/demo/model --license apache-2.0
'''


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Write the weights that inference needs, without optimizer state and '
        'without auxiliaries: into one file with weights and config, or into a model folder '
        'with weights, config and model card, which can be pushed to a model hub. Predictor and '
        'tools/predict.py load both. Weights of a detector inside AuxiliarySupervision are '
        'renamed to those of the plain detector; test them with the config of the plain '
        'detector.',
        epilog=EXAMPLE)
    parser.add_argument('checkpoint', help='checkpoint of tools/train.py, or for a model folder '
                        'also its work dir')
    parser.add_argument('out', type=Path,
                        help='output file (.pth), or for any other name a model folder')
    parser.add_argument('--config', action=ConfigAction, metavar='CONFIG',
                        help='config of the weights, if the checkpoint holds none or names '
                        'your own classes')
    folder = parser.add_argument_group('model folder')
    folder.add_argument('--title', metavar='TEXT',
                        help='title of the model card (default: name of the folder)')
    folder.add_argument('--license', metavar='NAME',
                        help='licence of the weights, such as apache-2.0 (default: not stated)')
    folder.add_argument('--data', metavar='TEXT',
                        help='training data (default: not stated)')
    return parser
