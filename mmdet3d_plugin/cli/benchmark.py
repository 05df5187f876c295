"""Command line of tools/benchmark.py."""
import argparse

from .command_parser import CommandParser, ConfigAction
from .common_options import add_acceleration_arguments, add_config_override

EXAMPLE = '''
example:
  python tools/benchmark.py configs/monolss/monolss_dla34_kitti.py --batch 2 \\
      --amp --channels-last --against configs/monolss/monolss_dla34_kitti.py \\
      --cfg-options train_dataloader.dataset.data_root=data/synthetic/ \\
      test_dataloader.dataset.data_root=data/synthetic/
'''


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description='Measure the speed of data loading, training and inference of a config on '
        'its own data set. Utilisation is relative to the speed of a large matrix product that '
        'is measured in the same run. Weights are random; nothing is downloaded.',
        epilog=EXAMPLE, check=check_arguments)
    parser.add_argument('config', action=ConfigAction, help='config file, see configs/')
    parser.add_argument('--against', action=ConfigAction, metavar='OTHER_CONFIG',
                        help='also measure this config, alternating with the first, and print '
                        'the speed-up of the first; the speed options below apply to the first '
                        'config only')
    parser.add_argument('--device', choices=['cpu', 'cuda'],
                        help='device to measure (default: cuda if there is a GPU, else cpu)')
    parser.add_argument('--batch', '--batch-size', type=int, metavar='B', dest='batch',
                        help="images per training step (default: the config's batch size)")
    parser.add_argument('--workers', type=int, metavar='W',
                        help="data loader processes (default: the config's number)")
    parser.add_argument('--tf32', action='store_true',
                        help='use TensorFloat32 for float32 products on a GPU')
    parser.add_argument('--rounds', type=int, default=5, metavar='N',
                        help='measured rounds, after one warm-up round (default: 5)')
    parser.add_argument('--steps', type=int, default=4, metavar='N',
                        help='training steps per round (default: 4)')
    parser.add_argument('--images', type=int, default=8, metavar='N',
                        help='predicted images per round (default: 8)')
    parser.add_argument('--profile', action='store_true',
                        help='only profile training steps: print the time of each part of the '
                        'model')
    parser.add_argument('--json', metavar='OUT',
                        help='output file of the figures (default: '
                        'work_dirs/benchmark/CONFIG_NAME.json)')
    add_config_override(parser)
    add_acceleration_arguments(parser)
    return parser


def check_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Check the options that depend on each other."""
    counts = [args.rounds, args.steps, args.images, 1 if args.batch is None else args.batch]
    if min(counts) < 1 or (args.workers or 0) < 0:
        parser.error('--rounds, --steps, --images and --batch: expected at least 1; --workers: '
                     'expected at least 0')
