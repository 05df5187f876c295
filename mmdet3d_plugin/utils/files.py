"""Regular files: bounded reading, lists, atomic writing, and file names that come from data.

All readers of the project open files through :func:`has_file`, :func:`read_bytes` or
:func:`read_text`, which refuse FIFOs, sockets, devices and folders without opening them.
"""
import os
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Sequence, Union

from ..errors import InputError

PathLike = Union[str, Path]
MAX_NAME = 200  # characters; file systems allow 255 bytes, suffix included
MAX_TEXT = 1 << 24  # bytes; its words take twenty times as much memory
KINDS = ((stat.S_ISDIR, 'folder'), (stat.S_ISFIFO, 'FIFO'), (stat.S_ISSOCK, 'socket'),
         (stat.S_ISCHR, 'device'), (stat.S_ISBLK, 'device'))


def has_file(path: PathLike) -> bool:
    """Return whether a regular file, or a link to one, is at a path. It is not opened.

    Raises:
        InputError: something else is there, such as a folder, a FIFO or a device, or the path
            cannot be examined. The message starts with ``path``.

    Example:
        >>> has_file('no_such_file.txt')
        False
        >>> has_file('/dev/zero')
        Traceback (most recent call last):
        ...
        mmdet3d_plugin.errors.InputError: /dev/zero: is a device, expected a file; remove it
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: NUL in the name
        return False
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror})') from None
    if not stat.S_ISREG(mode):
        raise InputError(f'{path}: is a {_kind(mode)}, expected a file; remove it')
    return True


def read_bytes(path: PathLike, missing: str, max_bytes: int, fix: str = 'restore the file'
               ) -> bytes:
    """Read a regular file of bounded size.

    Args:
        path: the file.
        missing: message for a file that does not exist: what is missing, and the fix.
        max_bytes: largest size.
        fix: the fix for a larger file.

    Raises:
        InputError: the file is missing, is no regular file, is too large or cannot be read. The
            message starts with ``path``.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     atomic_write(f'{folder}/a.bin', b'1234')
        ...     read_bytes(f'{folder}/a.bin', 'no such file', max_bytes=4)
        b'1234'
    """
    if not has_file(path):
        raise InputError(f'{path}: {missing}')
    try:
        with open(path, 'rb') as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(size) if size <= max_bytes else b''
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror}); {fix}') from None
    if size > max_bytes:
        raise InputError(f'{path}: has {megabytes(size)}, expected at most '
                         f'{megabytes(max_bytes)}; {fix}')
    return content


def megabytes(size: int) -> str:
    """Return a number of bytes in a unit for messages.

    Example:
        >>> megabytes(3 << 20), megabytes(99 << 10), megabytes(1500)
        ('3 MB', '99 kB', '1500 bytes')
    """
    if size >= 1 << 20:
        return f'{size >> 20} MB'
    return f'{size >> 10} kB' if size >= 1 << 14 else f'{size} bytes'


def read_text(path: PathLike, missing: str, max_bytes: int = MAX_TEXT,
              fix: str = 'restore the file') -> str:
    """Read a UTF-8 text file of bounded size. A byte order mark at its start is left out.

    Args:
        path: the file.
        missing: message for a file that does not exist: what is missing, and the fix.
        max_bytes: largest size.
        fix: the fix for a larger file.

    Raises:
        InputError: the file is missing, is no regular file, is too large, is not text or cannot
            be read. The message starts with ``path``.

    Example:
        >>> read_text('no_such_folder/val.txt', 'no such split file; write one')
        Traceback (most recent call last):
        ...
        mmdet3d_plugin.errors.InputError: no_such_folder/val.txt: no such split file; write one
    """
    content = read_bytes(path, missing, max_bytes, fix)
    try:
        text = content.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        raise InputError(f'{path}: not a readable text file ({error}); save it as UTF-8') from None
    return text.replace('\r\n', '\n').replace('\r', '\n')


def inner_names(folder: PathLike, suffixes: Sequence[str]) -> List[str]:
    """Return the names, without suffix, of the files in a folder and its subfolders.

    Links are followed. Hidden files and folders are left out, and so is a folder that was
    listed before under another name. FIFOs, devices and folders that are named like files are
    listed too, so that their readers refuse them.

    Args:
        folder: the folder; a missing folder has no files.
        suffixes: lower-case suffixes of the files. Upper and lower case are the same.

    Returns:
        Sorted names relative to ``folder``, each once, with slashes between folders.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ('b.txt', 'a/1.TXT', 'c.png', '.d.txt'):
        ...         atomic_write(f'{folder}/{name}', '')
        ...     inner_names(folder, ['.txt'])
        ['a/1', 'b']
    """
    names, seen = set(), set()
    for place, folders, files in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(place)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith('.')]
        inner = '' if place == str(folder) else Path(place).relative_to(folder).as_posix() + '/'
        for file in (*files, *folders):
            stem, suffix = os.path.splitext(file)
            if suffix.lower() in suffixes and not file.startswith('.'):
                names.add(inner + stem)
    return sorted(names)


@contextmanager
def atomic_path(path: PathLike) -> Iterator[Path]:
    """Yield a temporary path next to ``path`` that replaces ``path`` on success.

    A reader sees the old file or the complete new file, never a part of it. If the
    ``with`` block raises, the temporary file is removed and ``path`` stays unchanged.
    The temporary name keeps the suffix of ``path``, because writers such as
    ``cv2.imwrite`` and ``savefig`` choose the format by suffix.

    Args:
        path: the file to write. Missing parent folders are created.

    Raises:
        InputError: ``path`` is a link or no regular file, see :func:`check_output`, or its
            folder cannot be created or written.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with atomic_path(f'{folder}/new/values.txt') as temporary:
        ...         _ = temporary.write_text('1 2 3')
        ...     Path(folder, 'new/values.txt').read_text()
        '1 2 3'
    """
    path = Path(path)
    check_output(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f'.{path.stem}.', suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise InputError(f'{path.parent}: cannot write here ({error.strerror}); '
                         'choose a writable folder') from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def check_output(path: PathLike) -> None:
    """Check that an output creates a file or replaces a regular file.

    Replacing a link would detach it from its file, and writing through it could change a file
    anywhere.

    Raises:
        InputError: a link, a folder, a device, a FIFO or a socket is at ``path``.

    Example:
        >>> check_output('/dev/null')
        Traceback (most recent call last):
        ...
        mmdet3d_plugin.errors.InputError: /dev/null: is a device; outputs replace files only, \
choose another name
    """
    try:
        mode = os.lstat(path).st_mode
    except OSError:  # most often, there is nothing yet; else writing gives the reason
        return
    if not stat.S_ISREG(mode):
        raise InputError(f'{path}: is a {_kind(mode)}; outputs replace files only, choose '
                         'another name')


def _kind(mode: int) -> str:
    """Return the name of what is no regular file."""
    return next((name for matches, name in KINDS if matches(mode)), 'link')


def atomic_write(path: PathLike, content: Union[str, bytes]) -> None:
    """Write a file atomically.

    Args:
        path: the file to write. Missing parent folders are created.
        content: bytes, or text that is written as UTF-8.

    Raises:
        InputError: ``path`` is a link or no regular file, or its folder cannot be created or
            written.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     atomic_write(f'{folder}/val.txt', '000001')
        ...     Path(folder, 'val.txt').read_text()
        '000001'
    """
    data = content.encode('utf-8', 'backslashreplace') if isinstance(content, str) else content
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def is_inner_name(name: str) -> bool:
    """Return whether ``folder / name`` is always a path inside ``folder``.

    Such a name is printable, at most :data:`MAX_NAME` characters long, and relative. It
    has no backslash, no empty part and no part ``.`` or ``..``.

    Example:
        >>> [is_inner_name(name) for name in ('a/0001.png', '../a', '/etc/passwd')]
        [True, False, False]
    """
    return (len(name) <= MAX_NAME and name.isprintable() and '\\' not in name
            and all(part not in ('', '.', '..') for part in name.split('/')))


def inside(folder: PathLike, name: str) -> Path:
    """Return ``folder / name`` for a name that was read from data.

    Raises:
        InputError: ``name`` is not a string, or :func:`is_inner_name` is false for it.

    Example:
        >>> inside('images', 'a/0001.png').as_posix()
        'images/a/0001.png'
    """
    if not isinstance(name, str) or not is_inner_name(name):
        raise InputError(f'{folder}: {shortened(name)} is no name of a file inside this folder; '
                         'correct the data that holds it')
    return Path(folder, name)


def shortened(value: object, length: int = 60) -> str:
    """Return the ``repr`` of a value for a message, cut after ``length`` characters.

    Example:
        >>> shortened('x' * 100, length=5)
        "'xxxx..."
    """
    text = repr(value)
    return text if len(text) <= length else f'{text[:length]}...'


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def check_writable(folder: str, flag: str) -> None:
    """Check that files can be created in a folder. The folder is created if it is missing.

    Args:
        folder: the folder.
        flag: command-line option that gives the folder, for the message.

    Raises:
        InputError: no file can be created there.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InputError(f'{folder}: cannot write here ({error.strerror}); '
                         f'choose another folder with {flag}') from None


def existing_folder(path: PathLike) -> Path:
    """Return the nearest folder of a path that exists, to check it with :func:`check_writable`.

    Example:
        >>> existing_folder('/tmp/no_such_folder/new/file.txt').as_posix()
        '/tmp'
    """
    return next(folder for folder in Path(path).parents if os.path.exists(folder))


def check_regular(folder: PathLike) -> None:
    """Check that a folder holds files, folders and links to them alone.

    Runs read and write files of a work dir in many places, also through mmengine, which would
    wait for a FIFO without an end.

    Raises:
        InputError: the folder holds a FIFO, a socket or a device. The message names it.
    """
    for path in sorted(Path(folder).iterdir()):
        if not path.is_dir():
            has_file(path)
