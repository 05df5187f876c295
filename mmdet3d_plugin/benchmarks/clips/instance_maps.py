"""Instance maps as PNG files of one channel: number of the instance per pixel."""
from pathlib import Path
from typing import Union

import cv2
import numpy as np

from ...errors import InputError
from ...utils.images import PNG_SIGNATURE, check_complete, image_size

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
    if not Path(path).is_file():
        raise InputError(f'{path}: no such instance map; add it')
    image_size(path, 'instance map')
    content = Path(path).read_bytes()
    check_complete(path, content)
    header = content[:26]
    if not header.startswith(PNG_SIGNATURE):
        found = 'no PNG'
    elif header[25] != GREY:
        found = 'in colour'
    elif header[24] not in (8, 16):
        found = f'of {header[24]} bits'
    else:
        stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        if stored is None:
            raise InputError(f'{path}: not a readable instance map; restore the file')
        return stored.astype(np.int32)
    raise InputError(f'{path}: not a readable instance map, it is {found}; store instance numbers '
                     'as 8- or 16-bit PNG of one channel')
