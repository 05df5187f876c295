"""Atomic file output: a reader sees the old file or the new, never a half."""
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Union

from ..errors import InputError

PathLike = Union[str, Path]
MAX_NAME = 200  # characters; file systems end at 255 bytes with the suffix


@contextmanager
def atomic_path(path: PathLike) -> Iterator[Path]:
    """Yields a temporary path beside ``path`` that replaces it on success.

    The temporary name keeps the suffix, so writers that choose a format by
    suffix (``cv2.imwrite``, ``savefig``) work unchanged.

    Raises:
        InputError: the folder of ``path`` can't be created or written.
    """
    path = Path(path)
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


def atomic_write(path: PathLike, content: Union[str, bytes]) -> None:
    """Writes text (UTF-8) or bytes to ``path`` atomically."""
    data = content.encode('utf-8') if isinstance(content, str) else content
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def is_inner_name(name: str) -> bool:
    """Whether a name from data leads to a file inside the folder that it is put in:
    plain words, with slashes between them."""
    return (len(name) <= MAX_NAME and name.isprintable() and '\\' not in name
            and all(part not in ('', '.', '..') for part in name.split('/')))


def inside(folder: PathLike, name: str) -> Path:
    """``folder / name`` for a name that comes from data.

    Raises:
        InputError: the name would lead out of the folder.
    """
    if not isinstance(name, str) or not is_inner_name(name):
        raise InputError(f'{folder}: {shortened(name)} is no name of a file inside this folder; '
                         'mend the data that hold it')
    return Path(folder, name)


def shortened(value: object, length: int = 60) -> str:
    """A value of a file as one short piece of a message."""
    text = repr(value)
    return text if len(text) <= length else f'{text[:length]}...'


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def check_writable(folder: str, flag: str) -> None:
    """Raises InputError unless files can be made in the folder that ``flag`` gives."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InputError(f'{folder}: cannot write here ({error.strerror}); '
                         f'choose another folder with {flag}') from None
