"""Options that several commands share."""
import argparse
from importlib import import_module
from typing import Any, Optional


class ConfigOverride(argparse.Action):
    """Action of ``--cfg-options`` that reports a malformed KEY=VALUE as a usage error."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: Any, option_string: Optional[str] = None) -> None:
        """Store the values by key."""
        wrong = [value for value in values if '=' not in value]
        if wrong:
            parser.error(f'--cfg-options {wrong[0]}: expected KEY=VALUE')
        # Imported only for a command line with this option, because mmengine takes seconds.
        action = import_module('mmengine.config').DictAction(self.option_strings, self.dest)
        action(parser, namespace, values, option_string)


def add_config_override(parser: argparse.ArgumentParser,
                        text: str = 'override config entries') -> None:
    """Add ``--cfg-options``.

    Args:
        parser: the parser.
        text: help of the option.
    """
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOverride, metavar='KEY=VALUE',
                        help=text)


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of mmdet3d's train and test commands."""
    parser.add_argument('--work-dir', metavar='DIR',
                        help='output folder for logs and checkpoints (default: '
                        'work_dirs/CONFIG_NAME)')
    add_config_override(parser, 'override config entries, for example '
                        'train_dataloader.batch_size=8 optim_wrapper.optimizer.lr=5e-4')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none',
                        help='launcher of distributed processes (default: none)')
    add_acceleration_arguments(parser)
    # torch.distributed.launch passes this option; torchrun sets LOCAL_RANK instead.
    parser.add_argument('--local-rank', '--local_rank', type=int, default=0,
                        help=argparse.SUPPRESS)


def add_acceleration_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that set the config's ``acceleration``."""
    group = parser.add_argument_group('speed (docs/performance.md)')
    group.add_argument('--amp', action='store_true', dest='bfloat16',
                       help='use mixed precision (bfloat16) on a GPU or a CPU')
    group.add_argument('--channels-last', action='store_true',
                       help='store feature maps in channels-last memory format')
    group.add_argument('--compile', action='store_true',
                       help='compile the dense parts of the model with torch.compile, which '
                       'delays the start by about a minute')
