"""Instance maps as PNG files of one channel: number of the instance per pixel."""
from pathlib import Path
from typing import Union

import cv2
import numpy as np

from ...errors import InputError
from ...utils.files import has_file
from ...utils.images import PNG_SIGNATURE, checked_bytes, decode_pixels

CLASS_FACTOR = 1000  # coded maps hold class number * 1000 + id, as Cityscapes' instanceIds
GREY = 0  # PNG colour type: one channel


def read_instance_map(path: Union[str, Path]) -> np.ndarray:
    """Read an instance map from an 8- or 16-bit PNG file of one channel.

    Returns:
        (H, W) int32, 0 for the background.

    Raises:
        InputError: the file is missing, is cut off, or is no 8- or 16-bit PNG of one channel.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = cv2.imwrite(f'{folder}/a.png', np.array([[0, 26001]], np.uint16))
        ...     read_instance_map(f'{folder}/a.png').tolist()
        [[0, 26001]]
    """
    if not has_file(path):
        raise InputError(f'{path}: no such instance map; add it')
    content = checked_bytes(path, 'instance map')
    header = content[:26]
    if not header.startswith(PNG_SIGNATURE):
        found = 'no PNG'
    elif header[25] != GREY:
        found = 'in colour'
    elif header[24] not in (8, 16):
        found = f'of {header[24]} bits'
    else:
        return decode_pixels(content, path, 'instance map', cv2.IMREAD_UNCHANGED).astype(np.int32)
    raise InputError(f'{path}: not a readable instance map, it is {found}; store instance numbers '
                     'as 8- or 16-bit PNG of one channel')
