"""Checkpoint of a training that a signal stops."""
import os
import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Sequence

import torch
import torch.distributed as dist
from mmengine.dist import barrier, is_distributed, is_main_process
from mmengine.hooks import EMAHook, Hook
from mmengine.logging import print_log
from mmengine.registry import HOOKS
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader

from ...errors import InputError
from ..distributed import agreed_timeout
from ..state_forms import FLAG, POSITIVE
from ..watched_loader import StopRequest, WatchedLoader, in_main_thread

FILE_NAME = 'interrupted.pth'
CATCHABLE = signal.Signals.__members__.keys() - {'SIGKILL', 'SIGSTOP'}


@HOOKS.register_module()
class InterruptionHook(Hook):
    """Hook that saves ``WORK_DIR/interrupted.pth`` on a signal and ends the process.

    The current step is finished first; the wait for a batch is not. All ranks stop after the same
    step, whichever of them got the signal: they agree through gloo on the host, so that no rank
    waits for its GPU. They do so before each step, when the batch is there. Data workers ignore
    the signals, which schedulers send to them too. A second Ctrl-C ends the process without
    saving. The exit code is 128 plus the number of the signal: 130, 138 or 143. A training that
    runs to its end removes the file.

    The hook also limits the time that a training, a validation or a test waits for a batch
    (:class:`~..watched_loader.WatchedLoader`).

    Checkpoints also hold the number of batches per epoch. A training that is resumed with another
    batch size or number of ranks continues at the same share of the epoch.

    Args:
        signals: names of the signals. The defaults are sent by Ctrl-C, by ``kill`` and for a
            preempted SLURM job, and by SLURM before a job reaches its time limit.
        backend_args: arguments of mmengine's file backend that writes the file.

    Attributes:
        request: the signal that was received, if any.

    Raises:
        InputError: a signal is unknown or cannot be caught.
    """
    priority = 'LOWEST'  # after hooks that complete the state of a step
    KEY = 'train_loop'
    STATE_FORM = {'batches_per_epoch': POSITIVE, 'validating': FLAG}

    def __init__(self, signals: Sequence[str] = ('SIGINT', 'SIGTERM', 'SIGUSR1'),
                 backend_args: Optional[dict] = None) -> None:
        for name in signals:
            if name not in CATCHABLE:
                raise InputError(f'InterruptionHook: signals has {name!r}, expected names of '
                                 'signals that can be caught, such as SIGTERM')
        self.signals = [signal.Signals[name] for name in signals]
        self.backend_args = backend_args
        self.request = StopRequest()
        self._previous: Dict[int, Any] = {}
        self._group: Optional[dist.ProcessGroup] = None
        self._common_batches = 0

    def before_train(self, runner: Runner) -> None:
        self.request.number = 0
        if is_distributed():
            self._group = dist.new_group(backend='gloo', timeout=agreed_timeout(runner.cfg))
        if in_main_thread():
            self._previous = {number: signal.signal(number, self.request.receive)
                              for number in self.signals}
        for loop in (runner.train_loop, runner.val_loop):
            if loop is not None and hasattr(signal, 'sigwaitinfo'):  # not on macOS
                self._shield_workers(loop.dataloader)
        self._watch(runner.train_loop, 'train_dataloader', runner.optim_wrapper.should_update,
                    partial(self._stop_training, runner))
        self._watch(runner.val_loop, 'val_dataloader', lambda: True,
                    partial(self._stop_validation, runner))

    def before_test(self, runner: Runner) -> None:
        self._watch(runner.test_loop, 'test_dataloader')

    def _watch(self, loop: Optional[BaseLoop], title: str, *functions: Callable) -> None:
        if loop is not None and in_main_thread():
            loop.dataloader = WatchedLoader(loop.dataloader, title, self.request, *functions)

    def _stop_training(self, runner: Runner, done: int) -> None:
        # Checkpoints hold no accumulated gradients.
        if runner.optim_wrapper.should_update():
            number = self._agree()
            if number:
                self._stop(runner, number)

    def before_val_epoch(self, runner: Runner) -> None:
        self._common_batches = self._reduce(len(runner.val_dataloader), dist.ReduceOp.MIN)

    def _stop_validation(self, runner: Runner, done: int) -> None:
        # Every rank has to take part, also one with fewer batches.
        number = self._agree() if done <= self._common_batches else 0
        if number:
            for hook in runner.hooks:
                if isinstance(hook, EMAHook):
                    hook.after_val_epoch(runner)  # restores the trained weights
            self._stop(runner, number)

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

    def _agree(self) -> int:
        """Return the largest signal number that a rank has received, or 0."""
        return self._reduce(self.request.number, dist.ReduceOp.MAX)

    def _reduce(self, number: int, operation: dist.ReduceOp) -> int:
        if self._group is None:
            return number
        number = torch.tensor(number)
        dist.all_reduce(number, operation, group=self._group)
        return int(number)

    def _stop(self, runner: Runner, number: int) -> None:
        runner.save_checkpoint(
            runner.work_dir, FILE_NAME, meta=dict(epoch=runner.epoch, iter=runner.iter),
            backend_args=self.backend_args)
        barrier()  # the launcher kills all ranks once the first one ends
        self._restore_handlers()
        print_log(f'{signal.Signals(number).name}: stopped after iteration {runner.iter}, saved '
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
