"""Command line of tools/analysis/gradient_shares.py."""
import argparse

from .command_parser import CommandParser, ConfigAction
from .common_options import add_config_override

EXAMPLE = '''
example:
  python tools/analysis/gradient_shares.py configs/ddml/gupnet_both_synthetic.py \\
      work_dirs/gupnet_both_synthetic/epoch_15.pth --batches 8
'''


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        description="Measure each loss's share of the gradient on the parts of a model. For "
        'each loss and part, the tool computes the L2 norm of the gradient of this loss alone '
        'with respect to the parameters of the part, on batches of the training set, in float32 '
        'and in training mode. The share is the norm divided by the sum of the norms of all '
        'losses. Weights that hooks give to losses during a training are not applied.',
        epilog=EXAMPLE, check=check_arguments)
    parser.add_argument('config', action=ConfigAction, help='config file, see configs/')
    parser.add_argument('checkpoint', nargs='?',
                        help='checkpoint file or URL (default: random weights, and no sample '
                        'selection if the config has a warm-up)')
    parser.add_argument('--batches', type=int, default=8, metavar='N',
                        help='number of training batches (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, metavar='S',
                        help='random seed of weights, batches and augmentation (default: '
                        '%(default)s)')
    parser.add_argument('--device', choices=['cpu', 'cuda'],
                        help='device (default: cuda if there is a GPU, else cpu)')
    parser.add_argument('--json', metavar='OUT', help='output file of the norms and shares')
    add_config_override(parser)
    return parser


def check_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Check the options that depend on each other."""
    if args.batches < 1:
        parser.error('--batches: expected at least 1')
