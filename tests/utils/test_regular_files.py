"""Files that are no regular files, or that are too large: refused by name and never opened."""
import os
import socket
from pathlib import Path

import pytest

from mmdet3d_plugin.errors import InputError
from mmdet3d_plugin.utils.files import (
    atomic_write,
    check_regular,
    existing_folder,
    has_file,
    inner_names,
    read_bytes,
    read_text,
)

MISSING = 'no such file; add it'


def make_socket(path):
    """Bind a socket through its folder, because its path may be short only."""
    here = os.open(path.parent, os.O_RDONLY)
    socket.socket(socket.AF_UNIX).bind(f'/proc/self/fd/{here}/{path.name}')
    os.close(here)


ODD_FILES = {'FIFO': os.mkfifo, 'socket': make_socket, 'folder': Path.mkdir,
             'device': lambda path: path.symlink_to('/dev/zero')}


@pytest.mark.parametrize('kind', ODD_FILES)
def test_readers_refuse_what_is_no_regular_file(tmp_path, kind):
    path = tmp_path / 'a.txt'
    ODD_FILES[kind](path)
    for read in (has_file, lambda path: read_text(path, MISSING),
                 lambda path: read_bytes(path, MISSING, 10)):
        with pytest.raises(InputError, match=f'a.txt: is a {kind}, expected a file; remove it'):
            read(path)


def test_the_nearest_existing_folder_of_an_output(tmp_path, monkeypatch):
    (tmp_path / 'a').mkdir()
    for name in ('a/b.txt', 'a/new/b.txt', 'a/new/newer/b.txt'):
        assert existing_folder(tmp_path / name) == tmp_path / 'a'
    monkeypatch.chdir(tmp_path)
    assert [str(existing_folder(name)) for name in ('b.txt', 'new/b.txt', 'a/b.txt')] == [
        '.', '.', 'a']


def test_links_to_files_are_followed_and_absent_files_are_reported(tmp_path):
    (tmp_path / 'a.txt').write_text('x')
    (tmp_path / 'b.txt').symlink_to('a.txt')
    (tmp_path / 'c.txt').symlink_to('absent.txt')
    assert read_text(tmp_path / 'b.txt', MISSING) == 'x'
    assert has_file(tmp_path / 'b.txt') and not has_file(tmp_path / 'c.txt')
    for name in ('c.txt', 'absent.txt', 'a.txt/b.txt', 'nul\0.txt'):
        with pytest.raises(InputError, match=f'[/0].txt: {MISSING}|{name}: {MISSING}'):
            read_text(tmp_path / name, MISSING)


def test_the_size_is_checked_before_reading(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_bytes(b'x' * 10)
    assert read_bytes(path, MISSING, max_bytes=10) == b'x' * 10
    with pytest.raises(InputError, match='a.txt: has 10 bytes, expected at most 9 bytes; cut it'):
        read_bytes(path, MISSING, max_bytes=9, fix='cut it')
    os.truncate(path, 1 << 40)  # a file of holes
    with pytest.raises(InputError, match='a.txt: has 1048576 MB, expected at most 16 MB; restore'):
        read_text(path, MISSING)


def test_lists_hold_what_is_named_like_a_file(tmp_path):
    """A label that is no regular file reaches its reader, and is not left out."""
    (tmp_path / 'a.txt').touch()
    os.mkfifo(tmp_path / 'b.txt')
    (tmp_path / 'c.txt').mkdir()
    (tmp_path / 'c.txt/d.txt').touch()
    assert inner_names(tmp_path, ['.txt']) == ['a', 'b', 'c', 'c.txt/d']


@pytest.mark.parametrize('kind', ODD_FILES)
def test_outputs_replace_regular_files_only(tmp_path, kind):
    path = tmp_path / 'out.json'
    ODD_FILES[kind](path)
    before = os.lstat(path)
    found = 'link' if kind == 'device' else kind
    with pytest.raises(InputError, match=f'out.json: is a {found}; outputs replace files only'):
        atomic_write(path, '{}')
    assert os.lstat(path) == before and os.listdir(tmp_path) == ['out.json']


@pytest.mark.parametrize('target', ['a.json', 'absent.json'])
def test_outputs_do_not_go_through_links(tmp_path, target):
    (tmp_path / 'a.json').write_text('kept')
    (tmp_path / 'out.json').symlink_to(target)
    with pytest.raises(InputError, match='out.json: is a link; outputs replace files only'):
        atomic_write(tmp_path / 'out.json', '{}')
    assert (tmp_path / 'a.json').read_text() == 'kept'
    assert not (tmp_path / 'absent.json').exists()
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'linked').symlink_to('folder')
    atomic_write(tmp_path / 'linked/b.json', '{}')  # folders may be links
    assert (tmp_path / 'folder/b.json').read_text() == '{}'


def test_a_work_dir_holds_files_folders_and_links_to_them(tmp_path):
    (tmp_path / 'a.pth').touch()
    (tmp_path / '20260101').mkdir()
    (tmp_path / 'latest').symlink_to('20260101')
    (tmp_path / 'moved').symlink_to('absent')
    check_regular(tmp_path)
    os.mkfifo(tmp_path / 'last_checkpoint')
    with pytest.raises(InputError, match='last_checkpoint: is a FIFO'):
        check_regular(tmp_path)
