"""Command line of tools/analysis/predictor_speed.py."""
import argparse
from pathlib import Path

from .command_parser import CommandParser, ConfigAction

CALLS = 5  # per round


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Measure one call of Predictor on an image in memory against the model alone '
        '(its forward and decoding of a prepared input), alternating in one run. Both are '
        'medians over the rounds.',
        epilog='example:\n  python tools/analysis/predictor_speed.py work_dirs/demo '
        '--size 1242 375')
    parser.add_argument('checkpoint', help='checkpoint, model folder or work dir')
    parser.add_argument('--config', action=ConfigAction, metavar='CONFIG',
                        help='config of the weights, if the checkpoint holds none')
    parser.add_argument('--size', nargs=2, type=int, default=(1242, 375),
                        metavar=('WIDTH', 'HEIGHT'), help='image size, pixels (default: 1242 375)')
    parser.add_argument('--device', default='auto', metavar='NAME',
                        help='cpu, cuda or cuda:N (default: auto)')
    parser.add_argument('--rounds', type=int, default=9, metavar='N',
                        help=f'measured rounds of {CALLS} calls (default: %(default)s)')
    parser.add_argument('--json', type=Path, metavar='OUT', help='also write the figures here')
    return parser
