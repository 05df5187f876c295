"""Processes that launchers start: their environment, and gloo where there is no GPU."""
import os
import subprocess
from datetime import timedelta

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
        InputError: the launcher's environment is missing, or the config needs GPUs.
    """
    if cfg.launcher == 'none':
        return
    join_environment(cfg.launcher)
    if torch.cuda.is_available():
        return
    if cfg.get('sync_bn'):
        raise InputError(f'{cfg.filename}: sync_bn needs GPUs, torch has no synchronised batch '
                         'norm for CPUs; leave it out')
    timeout = cfg.get('env_cfg', {}).get('dist_cfg', {}).get('timeout')
    dist.init_process_group(
        'gloo', timeout=None if timeout is None else timedelta(seconds=timeout))
    cfg.model_wrapper_cfg = dict(
        type='MMDistributedDataParallel', device_ids=None, broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False))


def join_environment(launcher: str) -> None:
    """Puts a launcher's variables where torch looks for them.

    Of SLURM, the first node of the job is the master, and its port comes from the job's
    number, so that jobs that share a node don't meet.

    Raises:
        InputError: they are missing.
    """
    for name, source in zip(ENVIRONMENTS['pytorch'], ENVIRONMENTS[launcher]):
        if source not in os.environ:
            raise InputError(f'--launcher {launcher}: {source} is not set; start the processes '
                             f'with {STARTERS[launcher]}')
        os.environ[name] = os.environ[source]
    if launcher == 'slurm':
        job = int(os.environ.get('SLURM_JOB_ID', 0))
        os.environ.setdefault('MASTER_PORT', str(20000 + job % 20000))
        if 'MASTER_ADDR' not in os.environ:
            os.environ['MASTER_ADDR'] = first_node(os.environ.get('SLURM_NODELIST', ''))
    for name in ('MASTER_ADDR', 'MASTER_PORT'):
        if name not in os.environ:
            raise InputError(f'--launcher {launcher}: {name} is not set; set it to the '
                             f'{"host" if name == "MASTER_ADDR" else "port"} of rank 0')


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
