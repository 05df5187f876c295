"""KITTI split files (``ImageSets/*.txt``): one frame name a line."""
from collections import Counter
from pathlib import Path
from typing import List, Sequence, Union

from ...errors import InputError
from ...utils.files import atomic_write, is_inner_name, shortened


def read_split(path: Union[str, Path]) -> List[str]:
    """Reads the frame names of a split.

    Raises:
        InputError: the file is missing, names no frame, or names one twice; or a
            name would lead out of the folders of the set.
    """
    try:
        names = Path(path).read_text(encoding='utf-8').split()
    except FileNotFoundError:
        raise InputError(f'{path}: no such split file; put the frame names there, '
                         'one a line') from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: not a readable text file ({error})') from None
    if not names:
        raise InputError(f'{path}: names no frame; put the frame names there, one a line')
    odd = next((name for name in names if not is_inner_name(name)), None)
    if odd is not None:
        raise InputError(f'{path}: {shortened(odd)} is no frame name; put names without .. or a '
                         'leading slash there, one a line')
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise InputError(f'{path}: frame {repeated[0]} is named twice; remove one line')
    return names


def write_split(path: Union[str, Path], names: Sequence[str]) -> None:
    atomic_write(path, ''.join(f'{name}\n' for name in names))
