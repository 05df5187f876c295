"""Locks of output folders: of this host, of another host, stale, lost and malformed ones."""
import os
import signal
import socket
import threading
import time

import pytest

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.utils import folder_lock as module
from mmdet3d_plugin.utils.folder_lock import folder_lock, holds_lock

RECORD = ('filelock/2\npid={pid}\nhost={host}\nmode=lease\n'
          'token=61183f2278930a371c4d36e95d03b94a\nduration={duration}\nstart=1\n')


@pytest.fixture(autouse=True)
def short_times(monkeypatch):
    monkeypatch.setattr(module, 'LEASE', 2.)
    monkeypatch.setattr(module, 'RENEWAL', .2)


def lock(folder, purpose='training'):
    return folder_lock(folder, purpose, '--work-dir')


def write_record(folder, host, pid=5, duration=2.):
    path = folder / '.training.lock'
    path.write_text(RECORD.format(pid=pid, host=host, duration=duration))
    return path


def in_child(function):
    """Run a function in a child process; return its process number."""
    child = os.fork()
    if child == 0:
        try:
            function()
        finally:
            os._exit(0)
    return child


def test_a_folder_has_one_lock_per_purpose(tmp_path):
    with lock(tmp_path):
        assert holds_lock(tmp_path, 'training') and not holds_lock(tmp_path, 'demo')
        with lock(tmp_path, 'demo'), lock(tmp_path / '..'):
            pass
        with pytest.raises(InputError) as raised, lock(tmp_path):
            raise AssertionError
    assert str(raised.value) == (
        f'{tmp_path}: another training is running here (process {os.getpid()} on '
        f'{socket.gethostname()}); end it, or choose another folder with --work-dir')
    assert not list(tmp_path.iterdir()) and not holds_lock(tmp_path, 'training')


def test_the_lock_of_another_process_of_this_host(tmp_path):
    reader, writer = os.pipe()

    def hold():
        with lock(tmp_path):
            os.write(writer, b'.')
            time.sleep(60)

    child = in_child(hold)
    os.read(reader, 1)
    assert not holds_lock(tmp_path, 'training')
    start = time.monotonic()
    with pytest.raises(InputError, match=rf'\(process {child} on'), lock(tmp_path):
        pass
    assert time.monotonic() - start < 1  # without waiting
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert (tmp_path / '.training.lock').exists()
    with lock(tmp_path):  # at once
        assert holds_lock(tmp_path, 'training')
    assert time.monotonic() - start < 2


def test_a_lock_of_another_host_is_taken_over_by_its_age(tmp_path, capsys):
    write_record(tmp_path, 'node7')
    start = time.monotonic()
    with lock(tmp_path):
        assert holds_lock(tmp_path, 'training')
    assert 1.9 < time.monotonic() - start < 10
    assert capsys.readouterr().err == (f'{tmp_path}: waiting up to 2.0 s to see whether the '
                                       'training of process 5 on node7 is alive\n')


def test_a_living_lock_of_another_host(tmp_path):
    path = write_record(tmp_path, 'node7\x1b[31m')
    renewal = threading.Timer(.3, os.utime, [path])
    renewal.start()
    with pytest.raises(InputError, match=r'process 5 on node7\\x1b\[31m\); end it'), \
            lock(tmp_path):
        pass
    renewal.join()
    assert path.exists()


def test_a_lock_that_is_released_while_another_host_waits(tmp_path):
    path = write_record(tmp_path, 'node7')
    threading.Timer(.3, path.unlink).start()
    start = time.monotonic()
    with lock(tmp_path):
        assert time.monotonic() - start < 1.9


@pytest.mark.parametrize('content', ['', 'odd\n'])
def test_a_malformed_lock_is_replaced(tmp_path, content):
    (tmp_path / '.training.lock').write_text(content)
    with lock(tmp_path):
        assert holds_lock(tmp_path, 'training')


def test_locks_that_cannot_be_read(tmp_path):
    path = write_record(tmp_path, 'node7', duration=77.)
    with pytest.raises(InputError, match='not written by this version'), lock(tmp_path):
        pass
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match=r'lock: cannot be written \(Is a directory\)'), \
            lock(tmp_path):
        pass


def test_a_process_that_loses_its_lock_ends(tmp_path, capfd):
    def hold():
        with lock(tmp_path):
            write_record(tmp_path, 'node7').rename(tmp_path / 'x')
            write_record(tmp_path, 'node7')
            time.sleep(60)

    _, status = os.waitpid(in_child(hold), 0)
    assert os.waitstatus_to_exitcode(status) == 2
    assert f'error: {tmp_path}: the lock of this training was lost (owner-changed), and another ' \
        'process may write there; run the command again\n' in capfd.readouterr().err
    assert 'node7' in (tmp_path / '.training.lock').read_text()


def test_a_renewed_lock_is_younger_than_its_lease(tmp_path):
    with lock(tmp_path):
        first = (tmp_path / '.training.lock').stat().st_mtime_ns
        time.sleep(.7)
        assert (tmp_path / '.training.lock').stat().st_mtime_ns > first
    assert module._lease(tmp_path, 'training').lease_duration == 2
