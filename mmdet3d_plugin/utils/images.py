"""Checks of image files before they are decoded."""
import struct
from pathlib import Path
from typing import Tuple

from PIL import Image

from ..errors import InputError

FORMATS = ('PNG', 'JPEG')
PNG_SIGNATURE = b'\x89PNG\r\n\x1a\n'
JPEG_SIGNATURE, JPEG_SCAN, JPEG_END = b'\xff\xd8', b'\xff\xda', b'\xff\xd9'
MAX_PIXELS = 1 << 26  # 200 MB decoded; the header of a small file can declare any size


def image_size(path: Path, kind: str = 'image') -> Tuple[int, int]:
    """Return width and height of a PNG or JPEG file, from its header.

    Args:
        path: the file.
        kind: name of the kind of file, for messages.

    Returns:
        (width, height), pixels.

    Raises:
        InputError: the file is not a PNG or JPEG, or declares no pixels or more than
            :data:`MAX_PIXELS`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new('RGB', (640, 480)).save(f'{folder}/a.png')
        ...     image_size(f'{folder}/a.png')
        (640, 480)
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
    except Image.DecompressionBombError as error:
        raise InputError(f'{path}: {error}; restore the file') from error
    except Exception as error:  # Pillow raises many types for broken headers
        raise InputError(f'{path}: not a readable {kind}; restore the file') from error
    if not 0 < width * height <= MAX_PIXELS:
        raise InputError(f'{path}: declares {width}x{height} pixels, expected at most '
                         f'{MAX_PIXELS >> 20} million; restore the file')
    return width, height


def check_complete(path: Path, content: bytes) -> None:
    """Check that a PNG or JPEG file is not cut off.

    OpenCV does not check this itself. For a PNG it allocates the declared size of a chunk,
    up to 2 GB, before it notices that the file is shorter. For a JPEG it decodes zeros at
    the end of the file, which a crash can leave there, as pixels.

    Args:
        path: the file, for the message.
        content: all bytes of the file. Other formats than PNG and JPEG are not checked.

    Raises:
        InputError: the end of the image is missing.
    """
    if content.startswith(PNG_SIGNATURE):
        complete = _has_all_chunks(content)
    elif content.startswith(JPEG_SIGNATURE):
        complete = content.rfind(JPEG_END) > content.rfind(JPEG_SCAN)
    else:
        return
    if not complete:
        raise InputError(f'{path}: not a readable image, it is cut off; restore the file')


def _has_all_chunks(png: bytes) -> bool:
    start, kinds = len(PNG_SIGNATURE), set()
    while start + 12 <= len(png):
        length, kind = struct.unpack_from('>I4s', png, start)
        start += length + 12
        kinds.add(kind)
        if kinds >= {b'IDAT', b'IEND'} and start <= len(png):
            return True
    return False
