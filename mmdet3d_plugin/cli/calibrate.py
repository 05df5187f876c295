"""Command line of tools/calibrate.py."""
import argparse
from pathlib import Path

from .command_parser import CommandParser, ConfigAction
from .common_options import add_config_override

EXAMPLE = '''
example:
  python tools/calibrate.py configs/monolss/monolss_dla34_kitti.py \\
      work_dirs/run/epoch_600.pth --out work_dirs/run/calibrated.pth \\
      --cfg-options model.score_calibration.type=PlattScaling
'''
OVERLAPS = ('loose', 'strict')
SUFFIXES = ('.pth', '.pt')


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Fit the score calibration of a detector, so that a score is the precision '
        'of the detections with this score. The command predicts the validation frames of the '
        "config, matches the detections to the labels in 3D as KITTI's AP does, fits a logistic "
        'function per class, and writes a copy of the checkpoint with it. The order of the '
        'detections of a class, and with it AP, does not change. The model needs the entry '
        "score_calibration=dict(type='PlattScaling').",
        epilog=EXAMPLE, check=check_arguments)
    parser.add_argument('config', action=ConfigAction, help='config file, see configs/')
    parser.add_argument('checkpoint', help='checkpoint file or URL, or work dir of a training, '
                        'for its last checkpoint')
    parser.add_argument('--out', type=Path, required=True, metavar='FILE',
                        help='output checkpoint (.pth); may be the input')
    parser.add_argument('--overlap', choices=OVERLAPS, default='loose',
                        help='3D IoU of a true positive: KITTI\'s loose one (0.5 for Car, 0.25 '
                        'for Pedestrian and Cyclist) or strict one (0.7 and 0.5) (default: '
                        '%(default)s)')
    parser.add_argument('--device', choices=['cpu', 'cuda'],
                        help='device (default: cuda if there is a GPU, else cpu)')
    add_config_override(parser)
    return parser


def check_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Check the name of the output."""
    if args.out.suffix not in SUFFIXES:
        parser.error(f'--out {args.out}: expected a name that ends with {" or ".join(SUFFIXES)}')
