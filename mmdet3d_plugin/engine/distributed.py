"""Distributed runs: environment of the launchers, and gloo for machines without a GPU."""
import os
import socket
import subprocess
import time
from datetime import timedelta
from typing import Optional

import torch
import torch.distributed as dist
from mmengine.config import Config

from ..errors import InputError

# Variables of each launcher: rank, number of ranks, and rank on the node.
ENVIRONMENTS = dict(
    pytorch=('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    slurm=('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    mpi=('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'))
DEFAULT_TIMEOUT = timedelta(minutes=30)  # as in torch, for groups of gloo
STARTERS = dict(pytorch='tools/dist_train.sh or torchrun', slurm='tools/slurm_train.sh or srun',
                mpi='mpirun')


def configure_distributed(cfg: Config) -> None:
    """Prepare a rank for mmengine's ``Runner``.

    On a machine with GPUs the runner makes the process group, according to
    ``env_cfg.dist_cfg``. On other machines this function makes a group of gloo, and sets the
    model wrapper of ``cfg`` to one without devices. Without a launcher it does nothing.

    Args:
        cfg: config of a run with the entry ``launcher``; changed in place.

    Raises:
        InputError: a variable of the launcher is missing or malformed, ``sync_bn`` is set on a
            machine without GPUs, the timeout is invalid, or rank 0 does not answer in time.
    """
    if cfg.launcher == 'none':
        return
    join_environment(cfg.launcher)
    timeout = agreed_timeout(cfg)
    if os.environ['RANK'] != '0':
        wait_for_rank_0(timeout)
    if torch.cuda.is_available():
        return
    if cfg.get('sync_bn'):
        raise InputError(f'{cfg.filename}: sync_bn needs GPUs, torch has no synchronised batch '
                         'norm for CPUs; leave it out')
    dist.init_process_group('gloo', timeout=timeout)
    cfg.model_wrapper_cfg = dict(
        type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False))


def wait_for_rank_0(timeout: timedelta) -> None:
    """Wait until rank 0 listens at ``MASTER_ADDR`` and ``MASTER_PORT``.

    torch waits too, but prints its own stack when the time is over.

    Args:
        timeout: longest time.

    Raises:
        InputError: the time is over.
    """
    host, port = os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT'])
    seconds = timeout.total_seconds()
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((host, port), timeout=10).close()
            return
        except OSError as error:
            if time.monotonic() > end:
                raise InputError(
                    f'{host}:{port}: rank 0 does not answer here within {seconds:g} s ({error}); '
                    'check MASTER_ADDR, MASTER_PORT and the output of rank 0, or raise '
                    'env_cfg.dist_cfg.timeout') from None
            time.sleep(.5)


def agreed_timeout(cfg: Config) -> timedelta:
    """Return how long ranks wait for each other, ``env_cfg.dist_cfg.timeout`` in seconds.

    Args:
        cfg: config of a run.

    Returns:
        The time; 30 minutes if the config does not set it.

    Raises:
        InputError: it is no number of seconds of at least 1.

    Example:
        >>> agreed_timeout(Config(dict(env_cfg=dict(dist_cfg=dict(timeout=90)))))
        datetime.timedelta(seconds=90)
    """
    seconds = cfg.get('env_cfg', {}).get('dist_cfg', {}).get('timeout')
    try:
        timeout = DEFAULT_TIMEOUT if seconds is None else timedelta(seconds=seconds)
    except (TypeError, ValueError, OverflowError):
        timeout = timedelta()
    if timeout < timedelta(seconds=1):
        raise InputError(f'{cfg.filename}: env_cfg.dist_cfg.timeout is {seconds!r}, expected '
                         'seconds, at least 1')
    return timeout


def join_environment(launcher: str) -> None:
    """Copy the variables of a launcher to the variables that torch reads.

    For SLURM the master is the first node of the job. The port is derived from the job number, so
    that jobs on the same node use different ports.

    Args:
        launcher: ``'pytorch'``, ``'slurm'`` or ``'mpi'``.

    Raises:
        InputError: a variable is missing or no number.
    """
    for name, source in zip(ENVIRONMENTS['pytorch'], ENVIRONMENTS[launcher]):
        if source not in os.environ:
            raise InputError(f'--launcher {launcher}: {source} is not set; start the processes '
                             f'with {STARTERS[launcher]}')
        os.environ[name] = str(_whole_number(launcher, source))
    if launcher == 'slurm':
        job = _whole_number(launcher, 'SLURM_JOB_ID', '0')
        os.environ.setdefault('MASTER_PORT', str(20000 + job % 20000))
        if 'MASTER_ADDR' not in os.environ:
            os.environ['MASTER_ADDR'] = first_node(os.environ.get('SLURM_NODELIST', ''))
    for name in ('MASTER_ADDR', 'MASTER_PORT'):
        if name not in os.environ:
            raise InputError(f'--launcher {launcher}: {name} is not set; set it to the '
                             f'{"host" if name == "MASTER_ADDR" else "port"} of rank 0')
    _whole_number(launcher, 'MASTER_PORT')


def _whole_number(launcher: str, name: str, default: Optional[str] = None) -> int:
    """Return a whole number of the environment; raise InputError for other text."""
    text = os.environ.get(name, default)
    if text is None or not text.isdecimal():
        raise InputError(f'--launcher {launcher}: {name} is {text!r}, expected a whole number')
    return int(text)


def first_node(nodes: str) -> str:
    """Return the first host of a list of nodes of SLURM, with the help of ``scontrol``.

    Args:
        nodes: the list in SLURM's short form, such as ``node[03-07]``.

    Raises:
        InputError: scontrol is missing or fails.
    """
    try:
        return subprocess.run(['scontrol', 'show', 'hostnames', nodes], check=True, text=True,
                              capture_output=True).stdout.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        raise InputError(f'--launcher slurm: scontrol does not tell the hosts of {nodes!r}; set '
                         'MASTER_ADDR to the host of rank 0') from None
