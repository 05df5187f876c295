"""Command line of tools/import_checkpoint.py."""
import argparse
from pathlib import Path

from .command_parser import CommandParser, ConfigAction

CONFIG = 'configs/{method}/{method}_dla34_kitti_reference.py'
METHODS = ('didm3d', 'gupnet', 'monocon', 'monodle', 'monolss')


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description="Convert a checkpoint of the authors' code to weights of this project. The "
        'name and shape of every entry is checked. The file is read without executing code.',
        epilog='example:\n  python tools/import_checkpoint.py monolss checkpoint_best.pth '
        'work_dirs/monolss_official.pth', check=check_arguments)
    parser.add_argument('method', choices=METHODS,
                        help='method of the checkpoint')
    parser.add_argument('official', help="checkpoint of the authors' code")
    parser.add_argument('out', type=Path, help='output file')
    parser.add_argument('--config', action=ConfigAction, metavar='CONFIG',
                        help='config of the converted weights '
                        f'(default: {CONFIG.format(method="METHOD")})')
    return parser


def check_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Choose the config of the method."""
    args.config = args.config or CONFIG.format(method=args.method)
