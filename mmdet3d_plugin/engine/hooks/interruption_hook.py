"""Checkpoint of a training that a signal stops."""
import os
import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Callable, Dict, Optional, Sequence

import torch
import torch.distributed as dist
from mmengine.dist import barrier, is_distributed, is_main_process
from mmengine.hooks import EMAHook, Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from ...errors import InputError

FILE_NAME = 'interrupted.pth'
CATCHABLE = signal.Signals.__members__.keys() - {'SIGKILL', 'SIGSTOP'}


@HOOKS.register_module()
class InterruptionHook(Hook):
    """Hook that saves ``WORK_DIR/interrupted.pth`` on a signal and ends the process.

    The current step is finished first. All ranks stop after the same step, whichever of them
    got the signal: they agree through gloo on the host, so that no rank waits for its GPU. Data
    workers ignore the signals, which schedulers send to them too. A second Ctrl-C ends the
    process without saving. The exit code is 128 plus the number of the signal: 130, 138 or 143.
    A training that runs to its end removes the file.

    Checkpoints also hold the number of batches per epoch. A training that is resumed with another
    batch size or number of ranks continues at the same share of the epoch.

    Args:
        signals: names of the signals. The defaults are sent by Ctrl-C, by ``kill`` and for a
            preempted SLURM job, and by SLURM before a job reaches its time limit.
        backend_args: arguments of mmengine's file backend that writes the file.

    Raises:
        InputError: a signal is unknown or cannot be caught.
    """
    priority = 'LOWEST'  # after hooks that complete the state of a step
    KEY = 'train_loop'

    def __init__(self, signals: Sequence[str] = ('SIGINT', 'SIGTERM', 'SIGUSR1'),
                 backend_args: Optional[dict] = None) -> None:
        for name in signals:
            if name not in CATCHABLE:
                raise InputError(f'InterruptionHook: signals has {name!r}, expected names of '
                                 'signals that can be caught, such as SIGTERM')
        self.signals = [signal.Signals[name] for name in signals]
        self.backend_args = backend_args
        self._received = 0
        self._previous: Dict[int, object] = {}
        self._group: Optional[dist.ProcessGroup] = None
        self._common_batches = 0

    def before_train(self, runner: Runner) -> None:
        self._received = 0
        if is_distributed():
            self._group = dist.new_group(backend='gloo')
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._receive)
                              for number in self.signals}
        for loop in (runner.train_loop, runner.val_loop):
            if loop is not None and hasattr(signal, 'sigwaitinfo'):  # not on macOS
                self._shield_workers(loop.dataloader)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                         outputs=None) -> None:
        # Checkpoints hold no accumulated gradients.
        if runner.optim_wrapper.should_update():
            number = self._agree()
            if number:
                self._stop(runner, number, runner.iter + 1)

    def before_val_epoch(self, runner: Runner) -> None:
        self._common_batches = self._reduce(len(runner.val_dataloader), dist.ReduceOp.MIN)

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch=None,
                       outputs=None) -> None:
        # Every rank has to take part, also one with fewer batches.
        number = self._agree() if batch_idx < self._common_batches else 0
        if number:
            for hook in runner.hooks:
                if isinstance(hook, EMAHook):
                    hook.after_val_epoch(runner)  # restores the trained weights
            self._stop(runner, number, runner.iter)

    def after_train(self, runner: Runner) -> None:
        self._restore_handlers()
        if is_main_process():
            Path(runner.work_dir, FILE_NAME).unlink(missing_ok=True)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint[self.KEY] = dict(
            batches_per_epoch=len(runner.train_dataloader),
            validating=getattr(runner.train_loop, 'validating', False))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        state = checkpoint.get(self.KEY)
        # A test has no training loop, and load_from starts the loop anew.
        if state is None or not runner._resume:
            return
        runner.train_loop.validating = state['validating']
        before, now = state['batches_per_epoch'], len(runner.train_dataloader)
        if before != now:
            meta = checkpoint['meta']
            done = meta['iter'] - meta['epoch'] * before
            meta['iter'] = meta['epoch'] * now + done * now // before
            print_log(f'an epoch has {now} batches instead of {before}: resuming after batch '
                      f'{done * now // before}', 'current')

    def _shield_workers(self, loader: DataLoader) -> None:
        loader.worker_init_fn = partial(_start_shielded, signals=self.signals,
                                        start=loader.worker_init_fn)

    def _receive(self, number: int, frame) -> None:
        if self._received == signal.SIGINT == number:
            raise KeyboardInterrupt
        self._received = number

    def _agree(self) -> int:
        """Return the largest signal number that a rank has received, or 0."""
        return self._reduce(self._received, dist.ReduceOp.MAX)

    def _reduce(self, number: int, operation: dist.ReduceOp) -> int:
        if self._group is None:
            return number
        number = torch.tensor(number)
        dist.all_reduce(number, operation, group=self._group)
        return int(number)

    def _stop(self, runner: Runner, number: int, iteration: int) -> None:
        runner.save_checkpoint(
            runner.work_dir, FILE_NAME, meta=dict(epoch=runner.epoch, iter=iteration),
            backend_args=self.backend_args)
        barrier()  # the launcher kills all ranks once the first one ends
        self._restore_handlers()
        print_log(f'{signal.Signals(number).name}: stopped after iteration {iteration}, saved '
                  f'{runner.work_dir}/{FILE_NAME}; go on with --resume', 'current')
        sys.exit(128 + number)

    def _restore_handlers(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}


def _start_shielded(worker: int, signals: Sequence[int],
                    start: Optional[Callable[[int], None]]) -> None:
    """Make a data worker ignore ``signals`` unless its parent sends them.

    A worker of torch dies of SIGTERM, which also ends the training before it can save. The
    signal of the parent has to work, since torch ends its workers with it.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # threads started later inherit the mask
    threading.Thread(target=_obey_parent, args=(signals, os.getppid()), daemon=True).start()
    if start is not None:
        start(worker)


def _obey_parent(signals: Sequence[int], parent: int) -> None:
    while signal.sigwaitinfo(signals).si_pid != parent == os.getppid():
        pass
    os._exit(0)
