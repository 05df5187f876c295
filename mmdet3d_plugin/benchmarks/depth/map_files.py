"""Depth maps as 16-bit PNG files."""
from pathlib import Path
from typing import Tuple, Union

import cv2
import numpy as np

from ...errors import InputError
from ...utils.files import atomic_write
from ...utils.images import PNG_SIGNATURE, image_size, read_image

PathLike = Union[str, Path]
# Stored units per metre.
KITTI_SCALE = 256.
NYU_SCALE = 1000.
LARGEST_VALUE = np.iinfo(np.uint16).max
GREY = 0  # PNG colour type: one channel
KIND = '16-bit depth image'


def read_depth_map(path: PathLike, scale: float = KITTI_SCALE) -> np.ndarray:
    """Read a depth map from a 16-bit PNG file of one channel.

    Args:
        path: the file.
        scale: stored units per metre.

    Returns:
        (H, W) float32, metres, 0 where unknown.

    Raises:
        InputError: the file is missing, is cut off, or is no 16-bit PNG of one channel.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, 'depth.png').write_bytes(encode_depth_map(np.array([[0., 2.5]])))
        ...     read_depth_map(f'{folder}/depth.png').tolist()
        [[0.0, 2.5]]
    """
    depth_map_size(path)
    depth = read_image(path, KIND, cv2.IMREAD_UNCHANGED).astype(np.float32)
    depth /= np.float32(scale)
    return depth


def depth_map_size(path: PathLike) -> Tuple[int, int]:
    """Read the size of a depth map from the header of its PNG file.

    Args:
        path: the file.

    Returns:
        (width, height), pixels.

    Raises:
        InputError: the file is missing, declares too many pixels, or is no 16-bit PNG of one
            channel.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_depth_map(f'{folder}/depth.png', np.ones((2, 3)))
        ...     depth_map_size(f'{folder}/depth.png')
        (3, 2)
    """
    size = image_size(path, KIND)
    with open(path, 'rb') as file:
        header = file.read(26)
    found = 'no PNG'
    if header.startswith(PNG_SIGNATURE):
        bits, color_type = header[24:]
        if bits == 16 and color_type == GREY:
            return size
        found = f'of {bits} bits' + ('' if color_type == GREY else ' in colour')
    raise InputError(f'{path}: not a readable 16-bit depth image, it is {found}; store depth as '
                     '16-bit PNG of one channel')


def write_depth_map(path: PathLike, depth: np.ndarray, scale: float = KITTI_SCALE) -> None:
    """Write a depth map as 16-bit PNG, atomically.

    Args:
        path: file to write.
        depth: (H, W), metres, 0 where unknown.
        scale: stored units per metre.

    Raises:
        InputError: a depth is negative or not finite, or the folder cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_depth_map(f'{folder}/depth.png', np.array([[0., 2.5]]))
        ...     read_depth_map(f'{folder}/depth.png').tolist()
        [[0.0, 2.5]]
    """
    try:
        content = encode_depth_map(depth, scale)
    except InputError as error:
        raise InputError(f'{path}: {error}') from None
    atomic_write(path, content)


def encode_depth_map(depth: np.ndarray, scale: float = KITTI_SCALE) -> bytes:
    """Encode a depth map as 16-bit PNG of one channel.

    Known depths stay known: depths outside the range of the format are stored as its smallest
    (1 / scale metres) or largest (65535 / scale metres) depth.

    Args:
        depth: (H, W), metres, 0 where unknown.
        scale: stored units per metre.

    Returns:
        Content of the PNG file.

    Raises:
        InputError: a depth is negative or not finite, or the shape is not (H, W).

    Example:
        >>> content = encode_depth_map(np.array([[0., 1e-6, 2., 300.]]))
        >>> cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED).tolist()
        [[0, 1, 512, 65535]]
    """
    depth = np.asarray(depth)
    if depth.ndim != 2 or not (np.isfinite(depth) & (depth >= 0)).all():
        raise InputError('cannot store a depth map with negative or non-finite depths, or of '
                         'another shape than (H, W); correct the code that computes it')
    units = np.rint(depth.astype(np.float64) * scale).clip(1, LARGEST_VALUE)
    _, content = cv2.imencode('.png', np.where(depth > 0, units, 0).astype(np.uint16),
                              [cv2.IMWRITE_PNG_COMPRESSION, 1,
                               cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT])
    return content.tobytes()
