"""Command line of tools/train.py."""
import argparse

from .command_parser import CommandParser, ConfigAction
from .common_options import add_common_arguments


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Train a detector or a depth estimator. Logs are written to the terminal, '
        'to TensorBoard files and to vis_data/scalars.json in the work dir.',
        epilog='example:\n  python tools/train.py configs/monolss/monolss_dla34_kitti.py --amp')
    parser.add_argument('config', action=ConfigAction, help='config file, see configs/')
    parser.add_argument('--resume', nargs='?', const='auto', metavar='CHECKPOINT',
                        help='resume from CHECKPOINT; without CHECKPOINT or with "auto", resume '
                        'from the newest complete checkpoint of the work dir, or start a new '
                        'training if there is none')
    parser.add_argument('--auto-scale-lr', action='store_true',
                        help='scale the learning rate with the total batch size')
    add_common_arguments(parser)
    return parser
