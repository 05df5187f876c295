"""Number of usable CPU cores, and child processes that end cleanly."""
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import Iterator, List, Optional, Sequence, Set

# Not SIGINT: the terminal sends Ctrl-C to the children too, and a second SIGINT would end
# them before they have saved their work.
PASSED_ON = (signal.SIGTERM, signal.SIGUSR1)

_children: Set[subprocess.Popen] = set()


def available_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') \
        else os.cpu_count() or 1


def run_child(command: Sequence[str], **options) -> int:
    """Run a command and wait until it ends.

    If this process is told to stop, it still waits: the child may have work to save.

    Args:
        command: program and arguments.
        options: keyword arguments of ``subprocess.Popen``.

    Returns:
        Exit code of the command; 128 + N if signal N killed it.

    Raises:
        KeyboardInterrupt, SystemExit: this process was told to stop while it waited. The
            child has ended by then.

    Example:
        >>> run_child([sys.executable, '-c', 'raise SystemExit(3)'])
        3
    """
    stop: Optional[BaseException] = None
    child = subprocess.Popen(command, **options)
    _children.add(child)
    while True:
        try:
            code = child.wait()
            break
        except (KeyboardInterrupt, SystemExit) as error:
            stop = error
    _children.discard(child)
    if stop is not None:
        raise stop
    return 128 - code if code < 0 else code


@contextmanager
def signals_passed_on() -> Iterator[None]:
    """Forward SIGTERM and SIGUSR1 to the children of :func:`run_child`.

    When the children have ended, this process exits with code 128 + signal. Use it in the
    main thread; other threads may have started the children.
    """
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
