"""Hooks that send a signal to a training, or kill it, at a given point."""
import os
import signal
import time
from pathlib import Path

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmdet3d_plugin.engine.hooks import InterruptionHook


def data_workers(runner):
    """Return the process numbers of the persistent data workers of a training."""
    iterator = runner.train_dataloader._iterator
    return [worker.pid for worker in iterator._workers] if iterator is not None else []


@HOOKS.register_module()
class SignalHook(Hook):
    """Hook that sends a signal once, in a training step or in a validation.

    Args:
        number: the signal.
        iteration: iteration of the training step, from 1.
        validation: epoch of the validation, from 1.
        rank: rank that sends.
        target: ``'process'`` is the process of the rank. ``'group'`` is each of its data workers
            and then its process group, as Ctrl-C in a terminal does. ``'parent'`` is the
            launcher, which passes the signal on; the rank waits for it.
    """

    def __init__(self, number, iteration=None, validation=None, rank=0, target='process'):
        self.number, self.iteration, self.validation = number, iteration, validation
        self.rank, self.target = rank, target

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.iteration and get_rank() == self.rank:
            getattr(self, f'_signal_{self.target}')(runner)

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.epoch == self.validation:
            self._signal_process(runner)

    def _signal_process(self, runner):
        os.kill(os.getpid(), self.number)

    def _signal_group(self, runner):
        print(f'signalled {len(data_workers(runner))} data workers', flush=True)
        for worker in data_workers(runner):
            os.kill(worker, self.number)
        os.killpg(0, self.number)

    def _signal_parent(self, runner):
        os.kill(os.getppid(), self.number)
        hook = next(hook for hook in runner.hooks if isinstance(hook, InterruptionHook))
        while not hook.request.number:
            time.sleep(.01)


@HOOKS.register_module()
class KillHook(Hook):
    """Hook that kills the process with SIGKILL.

    Args:
        where: ``'step'``; ``'checkpoint'``, in the middle of writing the next checkpoint file;
            or ``'validation'``, the first one.
        iteration: iteration of the step, or the one after which the next checkpoint counts,
            from 1.
    """

    def __init__(self, where, iteration=None):
        self.where, self.iteration = where, iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 == self.iteration:
            print(f'killed with {len(data_workers(runner))} data workers', flush=True)
            if self.where == 'checkpoint':
                Path.write_bytes = _write_half
            else:
                _kill()

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if self.where == 'validation':
            _kill()


def _kill():
    os.kill(os.getpid(), signal.SIGKILL)


def _write_half(path, data):
    with path.open('wb') as file:
        file.write(data[:len(data) // 2])
    _kill()
