"""Waits for a batch that end: by a time limit, by an error of a data worker, or by a signal."""
import multiprocessing
import os
import signal
import time

import pytest
from torch.utils.data import DataLoader

from mmdet3d_plugin.engine import watched_loader
from mmdet3d_plugin.engine.watched_loader import (
    TIME_LIMIT,
    StopRequest,
    WaitInterrupted,
    WatchedLoader,
)
from mmdet3d_plugin.errors import InputError


class Unsendable:
    def __reduce__(self):
        raise OSError(24, 'Too many open files')


class Numbers:
    """Dataset of the numbers from 0.

    Args:
        length: number of items.
        stuck: items that never come.
        unsendable: items that have no pickle.
        signalled: process that gets SIGTERM when an item is stuck.
    """

    def __init__(self, length, stuck=(), unsendable=(), signalled=None):
        self.length, self.stuck, self.unsendable = length, stuck, unsendable
        self.signalled = signalled

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        if index in self.stuck:
            if self.signalled:
                os.kill(self.signalled, signal.SIGTERM)
            time.sleep(60)
        return Unsendable() if index in self.unsendable else index


def watch(dataset, workers, request=None, timeout=0, **functions):
    loader = DataLoader(dataset, batch_size=None, num_workers=workers, timeout=timeout)
    return WatchedLoader(loader, 'val_dataloader', request or StopRequest(), **functions)


@pytest.fixture(autouse=True)
def short_waits_for_stuck_workers(monkeypatch):
    """Torch waits 5 s for each data worker at the end before it kills the worker."""
    monkeypatch.setattr('torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL', .2)


@pytest.fixture(autouse=True)
def handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGCHLD)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize('workers', [0, 2])
def test_the_batches_are_those_of_the_loader(workers):
    done = []
    loader = watch(Numbers(4), workers, before_batch=done.append)
    assert list(loader) == list(loader) == [0, 1, 2, 3]
    assert done == 2 * [0, 1, 2, 3, 4]  # also after the last one
    assert len(loader) == 4 and loader.dataset.length == 4 and loader.num_workers == workers
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.parametrize('workers', [0, 1])
def test_time_limit(workers):
    """torch has a limit for data workers only."""
    loader = watch(Numbers(3, stuck=[1]), workers, timeout=.5)
    batches = iter(loader)
    assert next(batches) == 0
    start = time.monotonic()
    with pytest.raises(InputError, match=r'^val_dataloader: no batch within 0\.5 s; the disk is'):
        next(batches)
    assert .4 < time.monotonic() - start < 10


def test_each_batch_has_the_whole_time_limit():
    loader = watch(Numbers(3), 0, timeout=.4)
    for _ in loader:
        time.sleep(.3)  # a training step


def test_the_default_limit_is_ten_minutes():
    limits = []
    loader = watch(Numbers(1), 0)
    loader._wait(lambda: limits.append(signal.getitimer(signal.ITIMER_REAL)[0]), False)
    assert TIME_LIMIT == 600 and 599 < limits[0] <= 600
    assert loader.timeout == 0  # torch's limit hides that a data worker has died


def test_a_batch_that_cannot_be_sent_is_an_error():
    loader = watch(Numbers(4, unsendable=[2]), 1)
    batches = iter(loader)
    assert [next(batches), next(batches)] == [0, 1]
    with pytest.raises(InputError) as raised:
        next(batches)
    assert raised.value.args[0].strip().endswith(
        r'InputError: a data worker cannot send its batch ([Errno 24] Too many open files); raise '
        'the limit of open files with ulimit -n, enlarge /dev/shm, or lower num_workers of the '
        'dataloader; a training goes on with --resume')


@pytest.mark.parametrize('workers', [0, 1])
@pytest.mark.parametrize('may_stop', [True, False])
def test_a_signal_ends_the_wait_if_it_may(workers, may_stop):
    request = StopRequest()
    signal.signal(signal.SIGTERM, request.receive)
    stopped = []
    loader = watch(Numbers(3, stuck=[1], signalled=os.getpid()), workers, request,
                   timeout=30 if may_stop else 1,
                   may_stop=lambda: may_stop, before_batch=lambda done: stopped.append(
                       (done, request.number)))
    start = time.monotonic()
    if may_stop:
        batches = iter(loader)
        while next(batches) is not None:  # a data worker loads the next item early
            pass
        assert stopped[-1] == (len(stopped) - 1, signal.SIGTERM) and len(stopped) <= 2
        assert time.monotonic() - start < 25
    else:
        with pytest.raises(InputError, match='no batch within 1 s'):
            list(loader)
        assert len(stopped) == 1 and request.number == signal.SIGTERM


def test_a_signal_interrupts_only_what_it_may():
    request = StopRequest()
    with request.interrupts(False):
        request.receive(signal.SIGTERM)
    assert request.number == signal.SIGTERM
    with pytest.raises(WaitInterrupted), request.interrupts(True):
        raise AssertionError('the signal came before')
    request.receive(signal.SIGTERM)  # outside of the wait
    request.number = 0
    with request.interrupts(True), pytest.raises(WaitInterrupted):
        request.receive(signal.SIGUSR1)
    request.receive(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        request.receive(signal.SIGINT)


def test_stopped_workers_are_killed_at_the_end(monkeypatch):
    monkeypatch.setattr(watched_loader, 'GRACE', .2)
    worker = multiprocessing.get_context('fork').Process(target=_stop_itself, daemon=True)
    worker.start()
    os.waitid(os.P_PID, worker.pid, os.WSTOPPED)
    watched_loader._end_workers()
    worker.join(10)
    assert worker.exitcode == -signal.SIGKILL


def _stop_itself():
    os.kill(os.getpid(), signal.SIGSTOP)
