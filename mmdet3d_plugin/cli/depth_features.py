"""Command line of tools/analysis/depth_features.py."""
import argparse
from pathlib import Path

from .command_parser import CommandParser, ConfigAction
from .common_options import add_config_override

EXAMPLE = '''
example:
  python tools/analysis/depth_features.py configs/ddml/monolss_qi_synthetic.py \\
      work_dirs/monolss_qi_synthetic/epoch_15.pth --out work_dirs/depth_features
'''


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Compare feature distances with depth differences of all pairs of objects '
        'in the validation set of a detector. Write a plot (DIR/depth_features.png) and metrics '
        '(DIR/depth_features.json).',
        epilog=EXAMPLE)
    parser.add_argument('config', action=ConfigAction, help='config file, see configs/')
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/depth_features'),
                        metavar='DIR', help='output folder (default: %(default)s)')
    parser.add_argument('--feature', default='neck[0]', metavar='MODULE',
                        help='module whose output to analyse, for detectors without auxiliaries '
                        '(default: %(default)s)')
    parser.add_argument('--band', type=float, nargs=3, default=(2., 1., 10.),
                        metavar=('K', 'B', 'EPSILON'),
                        help='parameters of the quasi-isometric band (default: 2 1 10)')
    add_config_override(parser)
    return parser
