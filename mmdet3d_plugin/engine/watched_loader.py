"""Dataloader that does not wait for ever: a signal or a time limit ends the wait for a batch."""
import atexit
import multiprocessing
import signal
import threading
from contextlib import contextmanager
from functools import partial
from multiprocessing.queues import Queue
from typing import Any, Callable, Iterator, Optional

from torch._utils import ExceptionWrapper
from torch.utils.data import DataLoader

from ..errors import InputError, visible

TIME_LIMIT = 600  # seconds; the default of the dataloader's `timeout`
GRACE = 5  # seconds in which data workers may end by themselves
END = object()  # after the last batch


class WaitInterrupted(BaseException):
    """Raised by a signal handler to end the wait for a batch.

    It is no Exception, so that code that loads a sample does not take it for an error of the
    sample.
    """


class _OutOfTime(BaseException):
    """Raised by the timer of the time limit."""


class StopRequest:
    """Signal that tells a training to stop.

    Attributes:
        number: number of the signal, or 0.
    """

    def __init__(self) -> None:
        self.number = 0
        self._interrupts = False

    def receive(self, number: int, frame: Any = None) -> None:
        """Record a signal; this is its handler.

        Raises:
            KeyboardInterrupt: it is the second Ctrl-C.
            WaitInterrupted: the code that runs is a wait that may be interrupted.
        """
        if self.number == signal.SIGINT == number:
            raise KeyboardInterrupt
        self.number = number
        if self._interrupts:
            raise WaitInterrupted

    @contextmanager
    def interrupts(self, allowed: bool) -> Iterator[None]:
        """Let the signal interrupt the ``with`` block, also if it came before.

        Args:
            allowed: whether it may interrupt.

        Raises:
            WaitInterrupted: the signal came before the end of the block.
        """
        self._interrupts = allowed
        try:
            if allowed and self.number:
                raise WaitInterrupted
            yield
        finally:
            self._interrupts = False


class WatchedLoader:
    """Iterable over the batches of a dataloader that watches each wait for a batch.

    Attributes and length are those of the wrapped loader. The wait for a batch ends

    - after the ``timeout`` of the loader, in seconds (default: 600). torch has this limit for
      data workers only, and does not check whether the workers are alive while it applies.
    - when a data worker cannot send its batch, for example because there are too few file
      handles. torch would wait for ever.
    - on a signal.

    It works in the main thread, since only there Python handles signals.

    Args:
        loader: the dataloader; changed in place.
        title: name of the dataloader in the config, for messages.
        request: the signal that tells the process to stop.
        may_stop: tells whether the signal may interrupt the wait that begins.
        before_batch: called with the number of earlier batches before each batch, and once after
            the last one. It ends the process if ``request`` has a signal.

    Raises:
        InputError: the time limit is exceeded, or a data worker cannot send its batch.
    """

    def __init__(self, loader: DataLoader, title: str, request: StopRequest,
                 may_stop: Callable[[], bool] = lambda: False,
                 before_batch: Callable[[int], None] = lambda done: None) -> None:
        self._loader, self._title, self._request = loader, title, request
        self._may_stop, self._before_batch = may_stop, before_batch
        self._limit = loader.timeout or TIME_LIMIT
        loader.timeout = 0
        loader.worker_init_fn = partial(_start_worker, start=loader.worker_init_fn)
        # Registered last, so that it runs first: Python's own clean-up waits for workers.
        atexit.unregister(_end_workers)
        atexit.register(_end_workers)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Any]:
        # A signal must not interrupt the start of workers, which fork.
        batches = self._wait(lambda: iter(self._loader), False)
        done, batch = 0, None
        while batch is not END:
            batch = self._wait(lambda: next(batches, END), self._may_stop())
            self._before_batch(done)
            if batch is not END:
                yield batch
            done += 1

    def _wait(self, function: Callable[[], Any], may_stop: bool) -> Any:
        """Return the result of a function, or None if the signal interrupted it."""
        try:
            with _timer(self._limit), self._request.interrupts(may_stop):
                return function()
        except WaitInterrupted:
            return None
        except _OutOfTime:
            raise InputError(
                f'{self._title}: no batch within {self._limit:g} s; the disk is slow, or a data '
                'worker is stuck. Check the disk, or raise the timeout of this dataloader; a '
                'training goes on with --resume') from None


@contextmanager
def _timer(seconds: float) -> Iterator[None]:
    """Raise _OutOfTime in the ``with`` block after a time."""
    def stop(number: int, frame: Any) -> None:
        raise _OutOfTime

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def in_main_thread() -> bool:
    """Return whether this is the thread in which Python handles signals."""
    return threading.current_thread() is threading.main_thread()


def _start_worker(worker: int, start: Optional[Callable[[int], None]]) -> None:
    """Make a data worker report batches that it cannot send."""
    Queue._on_queue_feeder_error = _send_error  # type: ignore[attr-defined]
    if start is not None:
        start(worker)


def _send_error(queue: Queue, error: Exception, item: Any) -> None:
    """Send an error in place of a batch; called by the thread of a queue that sends items."""
    index, _ = item
    reason = InputError(
        f'a data worker cannot send its batch ({visible(error)}); raise the limit of open files '
        'with ulimit -n, enlarge /dev/shm, or lower num_workers of the dataloader; a training '
        'goes on with --resume')
    queue.put((index, ExceptionWrapper((InputError, reason, None), where='in a data worker')))


def _end_workers() -> None:
    """Kill data workers that do not end. Python would wait for them for ever.

    A worker does not end if it is stopped, or in code that does not return to Python.
    """
    # torch's handler raises an error at the death of a worker.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    workers = [child for child in multiprocessing.active_children() if child.daemon]
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(GRACE)
        if worker.is_alive():
            worker.kill()
