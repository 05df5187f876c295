"""Limit of the memory that reading a file may take."""
import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

STATUS = Path('/proc/self/status')


@contextmanager
def memory_limit(extra: int) -> Iterator[None]:
    """Limit the memory that the process allocates inside the ``with`` block.

    An allocation beyond the limit fails, as if the machine had no more memory. Readers of files
    of unknown origin check declared sizes first. This limit holds for what a file does not
    declare, such as a pickle that builds large objects from few bytes. It needs Linux; other
    systems have no limit. Only one thread may use it at a time, because it holds for all threads.

    Args:
        extra: bytes that may be allocated in addition to those in use.

    Raises:
        MemoryError: or another exception of the failed allocation.

    Example:
        >>> with memory_limit(1 << 20):
        ...     content = bytes(1 << 24)
        Traceback (most recent call last):
        ...
        MemoryError
    """
    if sys.platform != 'linux':
        yield
        return
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = _allocated() + extra
    if soft != resource.RLIM_INFINITY:
        limit = min(limit, soft)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _allocated() -> int:
    """Return the bytes that count for the limit: private memory, in use or not."""
    found = re.search(r'VmData:\s*(\d+) kB', STATUS.read_text(encoding='ascii'))
    assert found is not None  # every process has this line
    return int(found[1]) << 10
