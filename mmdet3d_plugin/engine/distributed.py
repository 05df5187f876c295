"""Processes that launchers start: their environment, and gloo where there is no GPU."""
import os
import subprocess
from datetime import timedelta
from typing import Optional

import torch
import torch.distributed as dist
from mmengine.config import Config

from ..errors import InputError

# Where each launcher tells a process its rank, their number, and its rank on its node.
ENVIRONMENTS = dict(
    pytorch=('RANK', 'WORLD_SIZE', 'LOCAL_RANK'),
    slurm=('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    mpi=('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK'))
STARTERS = dict(pytorch='tools/dist_train.sh or torchrun', slurm='tools/slurm_train.sh or srun',
                mpi='mpirun')


def configure_distributed(cfg: Config) -> None:
    """Readies a launched process for mmengine's ``Runner``.

    With GPUs the runner itself joins the processes, as ``env_cfg.dist_cfg`` says.
    Without, they are joined here, by gloo, and ``cfg`` is told that there are no devices;
    its ``sync_bn`` is refused then. Without a launcher nothing happens.

    Args:
        cfg: ``launcher`` is set.

    Raises:
        InputError: the launcher's environment is missing or odd, the config needs GPUs, or its
            timeout is none.
    """
    if cfg.launcher == 'none':
        return
    join_environment(cfg.launcher)
    timeout = agreed_timeout(cfg)
    if torch.cuda.is_available():
        return
    if cfg.get('sync_bn'):
        raise InputError(f'{cfg.filename}: sync_bn needs GPUs, torch has no synchronised batch '
                         'norm for CPUs; leave it out')
    dist.init_process_group('gloo', timeout=timeout)
    cfg.model_wrapper_cfg = dict(
        type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False))


def agreed_timeout(cfg: Config) -> Optional[timedelta]:
    """How long processes wait for each other, if ``env_cfg.dist_cfg.timeout`` says so.

    Raises:
        InputError: it is no number of seconds.
    """
    seconds = cfg.get('env_cfg', {}).get('dist_cfg', {}).get('timeout')
    try:
        timeout = None if seconds is None else timedelta(seconds=seconds)
    except (TypeError, ValueError, OverflowError):
        timeout = timedelta()
    if timeout is not None and timeout < timedelta(seconds=1):
        raise InputError(f'{cfg.filename}: env_cfg.dist_cfg.timeout is {seconds!r}, expected '
                         'seconds, at least 1')
    return timeout


def join_environment(launcher: str) -> None:
    """Puts a launcher's variables where torch looks for them.

    Of SLURM, the first node of the job is the master, and its port comes from the job's
    number, so that jobs that share a node don't meet.

    Raises:
        InputError: they are missing, or no numbers where they should be.
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
    """Of the environment; raises InputError if it is none."""
    text = os.environ.get(name, default)
    if not text.isdecimal():
        raise InputError(f'--launcher {launcher}: {name} is {text!r}, expected a whole number')
    return int(text)


def first_node(nodes: str) -> str:
    """The first host of SLURM's short form of a list, such as ``node[03-07]``.

    Raises:
        InputError: scontrol can't tell.
    """
    try:
        return subprocess.run(['scontrol', 'show', 'hostnames', nodes], check=True, text=True,
                              capture_output=True).stdout.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        raise InputError(f'--launcher slurm: scontrol does not tell the hosts of {nodes!r}; set '
                         'MASTER_ADDR to the host of rank 0') from None
