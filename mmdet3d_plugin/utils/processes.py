"""How many processes to start, and how those that were started end."""
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import Iterator, List, Optional, Sequence, Set

# A Ctrl-C reaches children from the terminal; a second one would end them at once.
PASSED_ON = (signal.SIGTERM, signal.SIGUSR1)

_children: Set[subprocess.Popen] = set()


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') \
        else os.cpu_count() or 1


def run_child(command: Sequence[str], **options) -> int:
    """Runs a command to its own end: one that is told to stop may have work to save.

    Args:
        options: of ``subprocess.Popen``.

    Returns:
        Its exit code; 128 + N if signal N killed it.

    Raises:
        KeyboardInterrupt, SystemExit: this process was told to stop meanwhile.
    """
    stop: Optional[BaseException] = None
    child = subprocess.Popen(command, **options)
    _children.add(child)
    while True:
        try:
            code = child.wait()
            break
        except (KeyboardInterrupt, SystemExit) as told:
            stop = told
    _children.discard(child)
    if stop is not None:
        raise stop
    return 128 - code if code < 0 else code


@contextmanager
def signals_passed_on() -> Iterator[None]:
    """Passes SIGTERM and SIGUSR1 on to the processes of :func:`run_child`, and ends this one,
    with 128 + signal, when they have ended. For the main thread; children may be others'."""
    def stop(number: int, frame) -> None:
        for child in list(_children):
            child.send_signal(number)
        sys.exit(128 + number)

    previous: List = [signal.signal(number, stop) for number in PASSED_ON]
    try:
        yield
    finally:
        for number, handler in zip(PASSED_ON, previous):
            signal.signal(number, handler)
