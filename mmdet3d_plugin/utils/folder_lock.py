"""Lock of an output folder, so that two processes do not write there at the same time."""
import os
import socket
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Callable, Iterator, Optional

from filelock import LeaseCompromise, LeaseSettingsMismatch, SoftFileLease, Timeout

from ..errors import InputError, visible
from .files import PathLike

# Seconds. The holder shows that it is alive by renewing the time of the lock file. Network disks
# may show the time to other hosts a minute later.
RENEWAL = 20
LEASE = 180  # after this time without renewal, a lock of another host is taken over


@contextmanager
def folder_lock(folder: PathLike, purpose: str, flag: str) -> Iterator[None]:
    """Hold the lock of a folder inside the ``with`` block.

    The lock is the file ``.PURPOSE.lock`` in the folder, with host and number of the process.
    It needs no locks of the file system, which network disks may lack. The lock of a process of
    this host that has ended is taken over at once. The lock of another host is taken over once
    it was not renewed for :data:`LEASE` seconds, for which this function waits. A process that
    loses its lock in this way, because it was stopped for longer, ends without writing.

    Args:
        folder: the folder; it exists.
        purpose: what the process does in the folder, one word. Locks of different purposes do
            not exclude each other.
        flag: command-line option that gives the folder, for messages.

    Raises:
        InputError: another process holds the lock, or the lock file cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, folder_lock(folder, 'demo', '--out'):
        ...     os.listdir(folder)
        ['.demo.lock']
    """
    lock = _lease(folder, purpose, lambda loss: _end(folder, purpose, loss))
    try:
        if not _acquire(lock, folder, purpose):
            raise InputError(f'{folder}: another {purpose} is running here ({_title(lock)}); end '
                             f'it, or choose another folder with {flag}')
    except LeaseSettingsMismatch:
        raise InputError(f'{lock.lock_file}: not written by this version of the project; remove '
                         f'the file if no {purpose} is running here') from None
    except OSError as error:
        raise InputError(f'{lock.lock_file}: cannot be written ({error.strerror}); make room, or '
                         'correct the permissions of the folder') from None
    try:
        yield
    finally:
        lock.release()


def holds_lock(folder: PathLike, purpose: str) -> bool:
    """Return whether this process holds the lock of a folder.

    Args:
        folder: the folder.
        purpose: purpose of the lock.
    """
    return _lease(folder, purpose).is_lock_held_by_us


def _lease(folder: PathLike, purpose: str,
           on_compromise: Optional[Callable[[LeaseCompromise], None]] = None) -> SoftFileLease:
    return SoftFileLease(Path(folder, f'.{purpose}.lock'), lease_duration=LEASE,
                         heartbeat_interval=RENEWAL, thread_local=False,
                         on_compromise=on_compromise)


def _acquire(lock: SoftFileLease, folder: PathLike, purpose: str) -> bool:
    """Acquire a lock unless its holder is alive, and return whether this succeeded."""
    with suppress(Timeout):
        lock.acquire(timeout=0)
        return True
    owner, renewed = lock.owner, _renewed(lock)
    if owner is not None and owner.hostname == socket.gethostname():
        return False
    print(f'{folder}: waiting up to {LEASE} s to see whether the {purpose} of {_title(lock)} is '
          'alive', file=sys.stderr, flush=True)
    with suppress(Timeout):
        lock.acquire(timeout=LEASE + RENEWAL, poll_interval=1,
                     cancel_check=lambda: _renewed(lock) not in (renewed, None))
        return True
    # A crash can leave an empty file.
    if owner is None and _renewed(lock) in (renewed, None):
        lock.force_break()
        with suppress(Timeout):
            lock.acquire(timeout=0)
            return True
    return False


def _title(lock: SoftFileLease) -> str:
    """Return process and host of the holder of a lock."""
    return 'an unknown process' if lock.owner is None else (
        f'process {lock.owner.pid} on {visible(lock.owner.hostname, 60)}')


def _renewed(lock: SoftFileLease) -> Optional[int]:
    """Return when a lock was renewed, in nanoseconds, or None if there is no lock file."""
    with suppress(OSError):
        return os.lstat(lock.lock_file).st_mtime_ns
    return None


def _end(folder: PathLike, purpose: str, loss: LeaseCompromise) -> None:
    """End this process, which has lost its lock, without writing into the folder.

    It runs in the thread that renews the lock.
    """
    print(f'{os.path.basename(sys.argv[0])}: error: {folder}: the lock of this {purpose} was lost '
          f'({loss.reason}), and another process may write there; run the command again',
          file=sys.stderr, flush=True)
    os._exit(2)
