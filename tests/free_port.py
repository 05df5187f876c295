"""TCP port that a test reserves."""
import fcntl
import random
import socket
import tempfile
from pathlib import Path

# Below the ports that the kernel gives to outgoing connections, so that none of them takes a
# port between its choice and its use.
PORTS = range(10000, 20000)
_locks = []


def free_port() -> str:
    """Return a free port that no other test gets until this process ends."""
    for port in random.Random().sample(PORTS, 100):
        lock = Path(tempfile.gettempdir(), f'mmdet3d_plugin_test_port_{port}').open('w')  # noqa: SIM115
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(('127.0.0.1', port))
        except OSError:
            lock.close()
            continue
        _locks.append(lock)  # holds the lock
        return str(port)
    raise RuntimeError('no free port')
