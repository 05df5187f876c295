"""Effect of the options that the training, test and benchmark commands share."""
import argparse
import os
from pathlib import Path

from mmengine.config import Config

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
from ..utils.files import check_regular, check_writable


def set_acceleration(cfg: Config, args: argparse.Namespace) -> None:
    """Enable the acceleration options of the command line and apply the config's own."""
    flags = {name: True for name in ('bfloat16', 'channels_last', 'compile')
             if getattr(args, name)}
    cfg.acceleration = {**acceleration_switches(cfg), **flags}
    configure_acceleration(cfg)


def load_config(args: argparse.Namespace) -> Config:
    """Read the config of a run, apply the common options, check it and create its work dir.

    Args:
        args: options of :func:`~mmdet3d_plugin.cli.common_options.add_common_arguments`, and
            ``config``, the config file.

    Raises:
        InputError: the config is missing or inconsistent, or the work dir is not writable or
            holds a FIFO, a socket or a device.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(args.config, args.cfg_options)
    check_file_names(cfg.to_dict(), cfg.filename)
    cfg.launcher = args.launcher
    cfg.work_dir = (args.work_dir or cfg.get('work_dir')
                    or f'work_dirs/{Path(args.config).stem}')
    check_writable(cfg.work_dir, '--work-dir')
    check_regular(cfg.work_dir)
    configure_distributed(cfg)
    set_acceleration(cfg, args)
    check_classes(cfg)
    check_centers(cfg)
    check_reference(cfg)
    check_momentum_encoder(cfg)
    return cfg
