"""Command line of tools/analysis/other_cameras.py."""
import argparse
from pathlib import Path

from .command_parser import CommandParser, ConfigAction


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Measure the depth error of a detector of rendered frames on the same scenes '
        'seen by cameras of several focal lengths, with and without the correction for them.',
        epilog='example:\n  python tools/analysis/other_cameras.py work_dirs/demo')
    parser.add_argument('checkpoint', help='checkpoint, model folder or work dir')
    parser.add_argument('--config', action=ConfigAction, metavar='CONFIG',
                        help='config of the weights, if the checkpoint holds none')
    parser.add_argument('--factors', nargs='+', type=float, default=(0.75, 1.35), metavar='F',
                        help="focal lengths relative to the training's (default: 0.75 1.35)")
    parser.add_argument('--scenes', type=int, default=30, metavar='N',
                        help='rendered scenes (default: %(default)s)')
    parser.add_argument('--class-name', default='Car', metavar='NAME',
                        help='class of the objects (default: %(default)s)')
    parser.add_argument('--device', default='auto', metavar='NAME',
                        help='cpu, cuda or cuda:N (default: auto)')
    parser.add_argument('--json', type=Path, metavar='OUT', help='also write the figures here')
    return parser
