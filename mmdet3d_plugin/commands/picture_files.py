"""Pictures that ``tools/test.py`` wrote."""
from pathlib import Path
from typing import Dict, List, Tuple

import numpy as np

from ..errors import InputError
from ..utils.images import read_image


def picture_files(folder: Path, flag: str) -> Dict[str, Path]:
    """Return the JPEG files of a folder and its subfolders by the name of their frame.

    Args:
        folder: folder of pictures.
        flag: option of ``tools/test.py`` that writes such pictures, for the error message.

    Raises:
        InputError: there are no pictures.
    """
    files = {path.relative_to(folder).with_suffix('').as_posix(): path
             for path in sorted(folder.rglob('*.jpg'))}
    if not files:
        raise InputError(f'{folder}: no readable pictures; make them with tools/test.py {flag}')
    return files


def read_pictures(folder: Path, flag: str) -> List[Tuple[str, np.ndarray]]:
    """Read the pictures of :func:`picture_files`.

    Returns:
        (frame name, (H, W, 3) BGR picture) of each file.

    Raises:
        InputError: there are no pictures, or one is unreadable.
    """
    return [(name, read_image(path, 'picture'))
            for name, path in picture_files(folder, flag).items()]
