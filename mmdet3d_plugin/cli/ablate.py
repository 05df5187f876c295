"""Command line of tools/ablate.py."""
import argparse
from pathlib import Path

from .command_parser import CommandParser, ConfigsAction

EXAMPLE = '''
example:
  python tools/ablate.py configs/monolss/ablations --data synthetic \\
      --seeds 0 1 2 --out work_dirs/ablations
'''


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Train every config with every seed. Write tables (table.md) and a plot '
        '(plot.png) of the mean and the standard deviation over seeds. The tables also compare '
        'every row with a baseline by pairs of trainings with the same seed. Run the same command '
        'again to resume: finished runs are kept, interrupted and failed runs continue. A failed '
        'run does not stop the others.',
        epilog=EXAMPLE, check=check_arguments)
    parser.add_argument('configs', type=Path, nargs='+', action=ConfigsAction,
                        help='config files or folders of config files, one row per config')
    parser.add_argument('--data', metavar='NAME',
                        help='train on this data set: every row varies the config *_NAME.py next '
                        'to the folder of rows; "synthetic" is rendered if it is absent and is '
                        'small enough for a CPU (default: the data set of the paper, kitti or '
                        'nyu)')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2], metavar='S',
                        help='random seeds of the trainings (default: 0 1 2)')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR',
                        help='output folder for runs, table and plot')
    parser.add_argument('--only', nargs='+', metavar='ROW',
                        help='train only these rows, given by config name')
    parser.add_argument('--jobs', type=int, default=1, metavar='N',
                        help='trainings that run at the same time and share the CPU cores '
                        '(default: 1)')
    parser.add_argument('--metrics', nargs='+', metavar='KEY',
                        help='metrics to compare, named as in the training log without "kitti/", '
                        '"depth/" or "retrieval/" (default: Car AP 3D R40 moderate; AbsRel, RMSE '
                        'and delta1; or R@1 and mAP@R)')
    parser.add_argument('--baseline', metavar='ROW',
                        help='row that the others are compared with, given by config name '
                        '(default: the first)')
    parser.add_argument('--effect', nargs='+', default=[], metavar='[KEY=]SIZE[%]',
                        help='effect for which the table shows the number of seeds that detect '
                        "it: in the metric's unit, or with %% relative to the baseline's mean; "
                        'with KEY only for this metric (default: 5%%)')
    parser.add_argument('--test', action='store_true',
                        help='compare on the test set: run tools/test.py on the last checkpoint '
                        'of every training (default: the last validation of the training)')
    parser.add_argument('--depth-features', action='store_true',
                        help='also analyse the features of every detector with '
                        'tools/analysis/depth_features.py and add columns for the Spearman '
                        'correlation, the share of pairs in the band and the depth error of cars')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
                        help='override config entries in every run; {seed} in VALUE stands for '
                        'the seed of the run')
    return parser


def check_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Check the options that depend on each other."""
    if args.jobs < 1:
        parser.error('--jobs: expected at least 1')
    for option in args.cfg_options:
        if '=' not in option:
            parser.error(f'--cfg-options {option}: expected KEY=VALUE')
