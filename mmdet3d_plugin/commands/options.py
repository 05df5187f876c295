"""Shared command-line options of the training, test and benchmark commands."""
import argparse
import os
from pathlib import Path

from mmengine.config import Config, DictAction

from ..engine.acceleration import acceleration_switches, configure_acceleration
from ..engine.config_files import (
    check_centers,
    check_classes,
    check_file_names,
    check_momentum_encoder,
    check_reference,
    read_config,
)
from ..engine.distributed import configure_distributed
from ..utils.files import check_writable


class ConfigOverride(DictAction):
    """Action of ``--cfg-options`` that reports a malformed KEY=VALUE as a usage error."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        wrong = [value for value in values if '=' not in value]
        if wrong:
            parser.error(f'--cfg-options {wrong[0]}: expected KEY=VALUE')
        super().__call__(parser, namespace, values, option_string)


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of mmdet3d's train and test commands."""
    parser.add_argument('--work-dir', metavar='DIR',
                        help='output folder for logs and checkpoints (default: '
                        'work_dirs/CONFIG_NAME)')
    parser.add_argument('--cfg-options', nargs='+', action=ConfigOverride, metavar='KEY=VALUE',
                        help='override config entries, for example '
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


def set_acceleration(cfg: Config, args: argparse.Namespace) -> None:
    """Enable the acceleration options of the command line and apply the config's own."""
    flags = {name: True for name in ('bfloat16', 'channels_last', 'compile')
             if getattr(args, name)}
    cfg.acceleration = {**acceleration_switches(cfg), **flags}
    configure_acceleration(cfg)


def load_config(args: argparse.Namespace) -> Config:
    """Read the config of a run, apply the common options, check it and create its work dir.

    Args:
        args: options of :func:`add_common_arguments`, and ``config``, the config file.

    Raises:
        InputError: the config is missing or inconsistent, or the work dir is not writable.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(args.config, args.cfg_options)
    check_file_names(cfg.to_dict(), cfg.filename)
    cfg.launcher = args.launcher
    cfg.work_dir = (args.work_dir or cfg.get('work_dir')
                    or f'work_dirs/{Path(args.config).stem}')
    check_writable(cfg.work_dir, '--work-dir')
    configure_distributed(cfg)
    set_acceleration(cfg, args)
    check_classes(cfg)
    check_centers(cfg)
    check_reference(cfg)
    check_momentum_encoder(cfg)
    return cfg
