"""Command line of tools/analysis/motion_hints.py."""
import argparse
from pathlib import Path

from .command_parser import CommandParser, ConfigAction
from .common_options import add_config_override

EXAMPLE = '''
example:
  python tools/analysis/motion_hints.py configs/mal/mal_synthetic.py \\
      work_dirs/mal_synthetic/epoch_8.pth --out work_dirs/motion_hints --num 12
'''


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Draw panels of clips as DIR/FRAME.png: the frames, the warped neighbours, '
        'the images with moved objects, the source of the distilled depth, the instances with '
        "the motion gate's decision, and the disparities and their errors on the instances. The "
        'samples pass the training pipeline of the config without random changes.',
        epilog=EXAMPLE, check=check_arguments)
    parser.add_argument('config', action=ConfigAction,
                        help='config file of a MultiFrameDepth, see configs/')
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/motion_hints'),
                        metavar='DIR', help='output folder (default: %(default)s)')
    parser.add_argument('--num', type=int, default=8, metavar='N',
                        help='number of panels, evenly spread over the set (default: '
                        '%(default)s)')
    parser.add_argument('--split', choices=['train', 'val'], default='val',
                        help='set of the frames; frames without both neighbours are left out '
                        '(default: %(default)s)')
    add_config_override(parser)
    return parser


def check_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Check the options that depend on each other."""
    if args.num < 1:
        parser.error('--num: expected at least 1')
