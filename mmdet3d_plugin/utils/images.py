"""Image files: what they declare, before anything is decoded."""
import struct
from pathlib import Path
from typing import Tuple

from PIL import Image

from ..errors import InputError

FORMATS = ('PNG', 'JPEG')
PNG_SIGNATURE = b'\x89PNG\r\n\x1a\n'
JPEG_SIGNATURE, JPEG_SCAN, JPEG_END = b'\xff\xd8', b'\xff\xda', b'\xff\xd9'
MAX_PIXELS = 1 << 26  # 200 MB decoded; a file of few bytes may declare any size


def image_size(path: Path, kind: str = 'image') -> Tuple[int, int]:
    """Width and height in pixels, from the header.

    Args:
        kind: what messages call the file.

    Raises:
        InputError: the file is no PNG or JPEG, or declares no pixels or too many.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
    except Image.DecompressionBombError as error:
        raise InputError(f'{path}: {error}; restore the file') from error
    except Exception as error:  # Pillow's of broken headers, of many kinds
        raise InputError(f'{path}: not a readable {kind}; restore the file') from error
    if not 0 < width * height <= MAX_PIXELS:
        raise InputError(f'{path}: declares {width}x{height} pixels, expected at most '
                         f'{MAX_PIXELS >> 20} million; restore the file')
    return width, height


def check_complete(path: Path, content: bytes) -> None:
    """Raises InputError unless the bytes of a PNG or JPEG reach the image's end.

    OpenCV makes room for a PNG's chunk, up to 2 GB, before it finds that the file is
    shorter, and takes zeros, which a crash may leave at the end of a file, for pixels of a
    JPEG.
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
