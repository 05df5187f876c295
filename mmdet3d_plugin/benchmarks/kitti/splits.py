"""KITTI split files (``ImageSets/*.txt``): one frame name per line."""
from collections import Counter
from pathlib import Path
from typing import List, Sequence, Union

from ...errors import InputError
from ...utils.files import atomic_write, is_inner_name, read_text, shortened


def read_split(path: Union[str, Path]) -> List[str]:
    """Read the frame names of a split, one per line.

    A name may contain blanks.

    Raises:
        InputError: the file is missing or not text, has no name or the same name twice, or
            a name would lead out of the data set's folders.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_split(f'{folder}/val.txt', ['000002', '000005'])
        ...     read_split(f'{folder}/val.txt')
        ['000002', '000005']
    """
    text = read_text(path, 'no such split file; put the frame names there, one per line')
    names = [name for line in text.splitlines() if (name := line.strip())]
    if not names:
        raise InputError(f'{path}: names no frame; put the frame names there, one per line')
    odd = next((name for name in names if not is_inner_name(name)), None)
    if odd is not None:
        raise InputError(f'{path}: {shortened(odd)} is no frame name; put names without .. or a '
                         'leading slash there, one per line')
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise InputError(f'{path}: frame {repeated[0]} is named twice; remove one line')
    return names


def write_split(path: Union[str, Path], names: Sequence[str]) -> None:
    """Write the frame names of a split, one per line.

    Raises:
        InputError: the folder cannot be written.
    """
    atomic_write(path, ''.join(f'{name}\n' for name in names))
