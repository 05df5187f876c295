"""Depth maps as 16-bit PNG files."""
from pathlib import Path
from typing import Tuple, Union

import cv2
import numpy as np

from ...errors import InputError
from ...utils.files import atomic_write
from ...utils.images import PNG_SIGNATURE, check_complete, image_size
from ..nyu.labelled_file import is_labelled, read_labelled

PathLike = Union[str, Path]
# Stored units a metre.
KITTI_SCALE = 256.
NYU_SCALE = 1000.
DEEPEST = np.iinfo(np.uint16).max
GREY = 0  # the colour type in a PNG's header


def read_depth_map(path: PathLike, scale: float = KITTI_SCALE) -> np.ndarray:
    """Reads a depth map (H, W) float32, metres, 0 where unknown.

    Args:
        path: 16-bit PNG of one channel, or the name of a depth map in NYU's labelled file.
        scale: stored units a metre; the labelled file holds metres.

    Raises:
        InputError: the file is missing, cut off, or no 16-bit PNG of one channel.
    """
    if is_labelled(path):
        return read_labelled(path)
    depth_map_size(path)
    check_complete(path, Path(path).read_bytes())
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if stored is None:
        raise InputError(f'{path}: not a readable 16-bit depth image; restore the file')
    return stored.astype(np.float32) / np.float32(scale)


def depth_map_size(path: PathLike) -> Tuple[int, int]:
    """Width and height in pixels of a depth map's PNG file, from its header.

    Raises:
        InputError: the file is missing, of a size that no memory holds, or no 16-bit PNG of
            one channel.
    """
    size = image_size(path, '16-bit depth image')
    with open(path, 'rb') as file:
        header = file.read(26)
    found = 'no PNG'
    if header.startswith(PNG_SIGNATURE):
        bits, kind = header[24:]
        if bits == 16 and kind == GREY:
            return size
        found = f'of {bits} bits' + ('' if kind == GREY else ' in colour')
    raise InputError(f'{path}: not a readable 16-bit depth image, it is {found}; store depth as '
                     '16-bit PNG of one channel')


def write_depth_map(path: PathLike, depth: np.ndarray, scale: float = KITTI_SCALE) -> None:
    """Writes a depth map as 16-bit PNG, atomically.

    Known depths stay known: those nearer or farther than the format holds are stored as its
    least (1 / scale metres) or greatest (65535 / scale).

    Args:
        depth: (H, W), metres, 0 where unknown.
        scale: stored units a metre.

    Raises:
        InputError: a depth is negative or not finite, or the folder can't be written.
    """
    depth = np.asarray(depth)
    if depth.ndim != 2 or not (np.isfinite(depth) & (depth >= 0)).all():
        raise InputError(f'{path}: cannot store a depth map with negative depths or such that '
                         'are not finite; mend what made them')
    units = np.rint(depth.astype(np.float64) * scale).clip(1, DEEPEST)
    _, content = cv2.imencode('.png', np.where(depth > 0, units, 0).astype(np.uint16))
    atomic_write(path, content.tobytes())
