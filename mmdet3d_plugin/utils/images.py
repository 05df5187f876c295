"""The reader of image files, which checks them before they are decoded, and images by name.

Decoders trust what a file declares. So each image that the project decodes passes these checks
first: size of the file, number of pixels, parts of the file, and scans of a JPEG.
"""
import io
import os
import re
import struct
from pathlib import Path
from typing import BinaryIO, Dict, Iterator, List, Tuple, Union

import cv2
import numpy as np
from PIL import Image

from ..errors import InputError
from .files import PathLike, has_file, megabytes, read_bytes

FORMATS = ('PNG', 'JPEG')
IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg')  # of files in these formats, in lower case
PNG_SIGNATURE = b'\x89PNG\r\n\x1a\n'
JPEG_SIGNATURE, JPEG_SCAN, JPEG_END = b'\xff\xd8', b'\xff\xda', b'\xff\xd9'
# First 8 bytes of files in formats that are not read.
OTHER_FORMATS = {'WebP': rb'RIFF', 'GIF': rb'GIF8', 'BMP': rb'BM', 'TIFF': rb'II\*\0|MM\0\*',
                 'HEIC or AVIF': rb'....ftyp'}
MAX_BYTES = 1 << 27  # of an image file
MAX_PIXELS = 1 << 26  # 200 MB decoded; the header of a small file can declare any size
# A decoder visits all pixels in each scan of a JPEG, and keeps their coefficients in between,
# twice as large as the pixels. Common encoders write 10 scans.
MAX_SCANS, MAX_SCANNED_PIXELS = 32, MAX_PIXELS // 2
MAX_PARTS = 1 << 16  # chunks of a PNG, segments of a JPEG
MAX_EXTRA_BYTES = 1 << 23  # of a chunk of a PNG that holds no pixels
MAX_PACKED = 64  # chunks of a PNG with packed text, each of which may unpack to 8 MB
PACKED_KINDS, PIXEL_KINDS = (b'zTXt', b'iTXt', b'iCCP'), (b'IDAT', b'fdAT')
SCAN, END = 0xda, 0xd9  # markers of a JPEG
BASELINE, FRAMES = (0xc0, 0xc1), {*range(0xc0, 0xd0)} - {0xc4, 0xc8, 0xcc}  # headers of frames
NEXT_MARKER = re.compile(rb'\xff[^\x00\xff\xd0-\xd7]')
EXIF_ORIENTATION = 0x112  # tag of the rotation that viewers apply; 1 means none
MAX_EXIF = 1 << 16  # bytes; the limit of a JPEG


class ImageFolder:
    """Images of a folder by the name of their frame, as PNG or JPEG.

    The suffix of a file is ``.png``, ``.jpg`` or ``.jpeg``, in upper or lower case. Each
    folder is listed once, which is much faster than a query per file.

    Args:
        folder: folder of the images.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, 'seq1').mkdir()
        ...     Path(folder, 'seq1/000001.JPG').touch()
        ...     ImageFolder(folder).find('seq1/000001').relative_to(folder).as_posix()
        'seq1/000001.JPG'
    """

    def __init__(self, folder: Union[str, Path]) -> None:
        self.folder = Path(folder)
        self._files: Dict[str, Dict[str, List[str]]] = {}  # by folder and name

    def find(self, name: str) -> Path:
        """Return the image file of a frame.

        Args:
            name: name of the frame without suffix. It may contain folders.

        Raises:
            InputError: the frame has no image, or several.
        """
        inner, _, stem = name.rpartition('/')
        if inner not in self._files:
            self._files[inner] = self._list(self.folder / inner)
        files = self._files[inner].get(stem, [])
        path = self.folder / inner / (files[0] if files else f'{stem}.png')
        if len(files) > 1:
            raise InputError(f'{path}: one of {len(files)} images of this frame '
                             f'({", ".join(files)}); keep one of them')
        if not files and stem.lower().endswith(IMAGE_SUFFIXES):
            raise InputError(f'{path}: no such image; leave the suffix out of the frame name '
                             f'{stem}')
        if not files:
            raise InputError(f'{path}: no such image, and no .jpg or .jpeg; add the image or '
                             'remove the frame from the split')
        return path

    @staticmethod
    def _list(folder: Path) -> Dict[str, List[str]]:
        """Return the sorted names of image files by their name without suffix."""
        found: Dict[str, List[str]] = {}
        try:
            with os.scandir(folder) as entries:
                files = sorted(entry.name for entry in entries
                               if entry.name.lower().endswith(IMAGE_SUFFIXES))
        except OSError:
            return found
        for name in files:
            found.setdefault(os.path.splitext(name)[0], []).append(name)
        return found


def image_size(path: PathLike, kind: str = 'image') -> Tuple[int, int]:
    """Return width and height of a PNG or JPEG file, from its header.

    Args:
        path: the file.
        kind: name of the kind of file, for messages.

    Returns:
        (width, height), pixels.

    Raises:
        InputError: the file is missing, is no regular file or not a PNG or JPEG, declares no
            pixels or more than :data:`MAX_PIXELS`, or declares a rotation, which decoders apply
            to the pixels.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new('RGB', (640, 480)).save(f'{folder}/a.png')
        ...     image_size(f'{folder}/a.png')
        (640, 480)
    """
    if not has_file(path):
        raise InputError(f'{path}: no such {kind}; restore the file')
    try:
        with open(path, 'rb') as file:
            _check_head(path, file)
            with Image.open(file, formats=FORMATS) as image:
                width, height = image.size
                exif = image.info.get('exif')
                if exif is None and image.format == 'PNG':
                    exif = _png_exif(file)
                orientation = _orientation(exif or b'')
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(f'{path}: {error}; restore the file') from error
    except Exception as error:  # Pillow raises many types for broken headers
        raise InputError(f'{path}: not a readable {kind}; restore the file') from error
    if not 0 < width * height <= MAX_PIXELS:
        raise InputError(f'{path}: declares {width}x{height} pixels, expected at most '
                         f'{MAX_PIXELS >> 20} million; restore the file')
    if orientation != 1:
        raise InputError(f'{path}: declares a rotation or mirroring in its header (EXIF '
                         f'orientation {orientation}); turn the pixels instead, for example with '
                         'mogrify -auto-orient, and label the turned image')
    return width, height


def _orientation(exif: bytes) -> int:
    """Return the orientation in EXIF data, from 1 to 8; 1 if there is none."""
    tags = Image.Exif()
    try:
        tags.load(exif)
    except Exception:  # decoders ignore broken data, for which Pillow raises many types
        return 1
    value = tags.get(EXIF_ORIENTATION, 1)
    return value if value in range(1, 9) else 1


def _png_exif(file: BinaryIO) -> bytes:
    """Return the EXIF data of a PNG that stands after its pixels; empty if it has none."""
    file.seek(max(os.fstat(file.fileno()).st_size - MAX_EXIF, 0))
    if b'eXIf' not in file.read():  # much faster than to visit all chunks
        return b''
    for kind, length in _png_chunks(file):
        if kind == b'eXIf':
            return file.read(min(length, MAX_EXIF))
    return b''


def _check_head(path: PathLike, file: BinaryIO) -> None:
    """Check the format, and the parts before the pixels, which Pillow reads without a limit."""
    signature = file.read(len(PNG_SIGNATURE))
    if signature == PNG_SIGNATURE:
        for count, (kind, length) in enumerate(_png_chunks(file)):
            if kind == b'IDAT':
                break
            _check_part(path, count, length)
    elif signature.startswith(JPEG_SIGNATURE):
        for count, (marker, _) in enumerate(_jpeg_segments(file)):
            if marker in FRAMES:
                break
            _check_part(path, count)
    else:
        for name, start in OTHER_FORMATS.items():
            if re.match(start, signature, re.DOTALL):
                raise InputError(f'{path}: is a {name} file; convert it to PNG or JPEG')
    file.seek(0)


def _check_part(path: PathLike, count: int, length: int = 0) -> None:
    if count >= MAX_PARTS:
        raise InputError(f'{path}: not a readable image, it consists of more than {MAX_PARTS} '
                         'parts; restore the file')
    if length > MAX_EXTRA_BYTES:
        raise InputError(f'{path}: has a chunk of {megabytes(length)} without pixels, expected '
                         f'at most {megabytes(MAX_EXTRA_BYTES)}; restore the file')


def _png_chunks(file: BinaryIO) -> Iterator[Tuple[bytes, int]]:
    """Yield kind and length of the chunks of a PNG. The file is at the content of the chunk."""
    position = len(PNG_SIGNATURE)
    while True:
        file.seek(position)
        header = file.read(8)
        if len(header) < 8:
            return
        length, kind = struct.unpack('>I4s', header)
        yield kind, length
        if kind == b'IEND':
            return
        position += length + 12


def _jpeg_segments(file: BinaryIO) -> Iterator[Tuple[int, bytes]]:
    """Yield markers of a JPEG up to its first scan, and the first bytes of their segments."""
    position = len(JPEG_SIGNATURE)
    while True:
        file.seek(position)
        header = file.read(10)
        if len(header) < 4 or header[0] != 0xff or header[1] == 0:
            return
        yield header[1], header[4:]
        if header[1] in (SCAN, END):
            return
        # Bytes 0xff fill the space between segments.
        position += 1 if header[1] == 0xff else 2 + int.from_bytes(header[2:4], 'big')


def read_image(path: PathLike, kind: str = 'image', flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """Read a PNG or JPEG file.

    Args:
        path: the file.
        kind: name of the kind of file, for messages.
        flags: of ``cv2.imdecode``.

    Returns:
        (H, W, 3) uint8, BGR, with the default flags.

    Raises:
        InputError: the file is refused by :func:`checked_bytes`, or cannot be decoded.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = cv2.imwrite(f'{folder}/a.png', np.zeros((4, 6), np.uint8))
        ...     read_image(f'{folder}/a.png').shape
        (4, 6, 3)
    """
    return decode_pixels(checked_bytes(path, kind), path, kind, flags)


def checked_bytes(path: PathLike, kind: str = 'image') -> bytes:
    """Read the bytes of a PNG or JPEG file that is safe to decode.

    Args:
        path: the file.
        kind: name of the kind of file, for messages.

    Raises:
        InputError: the file is larger than :data:`MAX_BYTES`, or is refused by
            :func:`image_size` or :func:`check_complete`.
    """
    image_size(path, kind)
    content = read_bytes(path, f'no such {kind}; restore the file', MAX_BYTES)
    check_complete(path, content)
    return content


def decode_pixels(content: bytes, path: PathLike, kind: str = 'image',
                  flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """Decode the bytes of an image file that passed the checks of this module.

    Args:
        content: bytes of the file.
        path: the file, for messages.
        kind: name of the kind of file, for messages.
        flags: of ``cv2.imdecode``.

    Raises:
        InputError: the bytes are no readable image.
    """
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:  # such as an image without bytes
        image = None
    if image is None:
        raise InputError(f'{path}: not a readable {kind}; restore the file')
    return image


def check_complete(path: PathLike, content: bytes) -> None:
    """Check that a PNG or JPEG file is not cut off, and that it is made of few parts.

    OpenCV does not check this itself. For a PNG it allocates the declared size of a chunk,
    up to 2 GB, before it notices that the file is shorter. For a JPEG it decodes zeros at
    the end of the file, which a crash can leave there, as pixels. A JPEG of few bytes may have
    thousands of scans, and decoding takes all pixels again for each.

    Args:
        path: the file, for the message.
        content: all bytes of the file. Other formats than PNG and JPEG are not checked.

    Raises:
        InputError: the end of the image is missing, or it has too many chunks, segments or
            scans.
    """
    if content.startswith(PNG_SIGNATURE):
        complete = _has_all_chunks(path, content)
    elif content.startswith(JPEG_SIGNATURE):
        complete = content.rfind(JPEG_END) > content.rfind(JPEG_SCAN)
        _check_scans(path, content)
    else:
        return
    if not complete:
        raise InputError(f'{path}: not a readable image, it is cut off; restore the file')


def _has_all_chunks(path: PathLike, png: bytes) -> bool:
    start, kinds, packed = len(PNG_SIGNATURE), set(), 0
    for count in range(len(png)):
        if start + 12 > len(png):
            return False
        length, kind = struct.unpack_from('>I4s', png, start)
        _check_part(path, count, 0 if kind in PIXEL_KINDS else min(length, len(png) - start))
        packed += kind in PACKED_KINDS
        if packed > MAX_PACKED:
            raise InputError(f'{path}: has more than {MAX_PACKED} chunks of packed text; restore '
                             'the file')
        start += length + 12
        kinds.add(kind)
        if kinds >= {b'IDAT', b'IEND'} and start <= len(png):
            return True
    return False


def _check_scans(path: PathLike, jpeg: bytes) -> None:
    """Check the number of scans of a JPEG, and its pixels if all scans are kept in memory."""
    markers = [marker for marker, _ in _jpeg_segments(io.BytesIO(jpeg))]
    if jpeg.count(JPEG_SCAN) <= 1 and FRAMES.intersection(markers) <= {*BASELINE}:
        return  # most photos; the rest takes longer
    scans, pixels, is_kept = 0, 0, False
    for count, (marker, place) in enumerate(_jpeg_markers(jpeg)):
        _check_part(path, count)
        if marker in FRAMES:
            height, width = struct.unpack_from('>HH', jpeg, place + 5) \
                if place + 9 <= len(jpeg) else (0, 0)
            pixels, is_kept = max(pixels, height * width), is_kept or marker not in BASELINE
        scans += marker == SCAN
        is_kept |= scans > 1
        if scans > MAX_SCANS:
            raise InputError(f'{path}: is a JPEG of more than {MAX_SCANS} scans; save it anew')
        if is_kept and pixels > MAX_SCANNED_PIXELS:
            raise InputError(f'{path}: declares {pixels} pixels in a JPEG of several scans, '
                             f'expected at most {MAX_SCANNED_PIXELS >> 20} million; save it as a '
                             'baseline JPEG')


def _jpeg_markers(jpeg: bytes) -> Iterator[Tuple[int, int]]:
    """Yield the markers of a JPEG and their places up to its end, as decoders find them."""
    place = len(JPEG_SIGNATURE)
    while (found := NEXT_MARKER.search(jpeg, place)) and (marker := jpeg[found.end() - 1]) != END:
        yield marker, found.start()
        place = found.end()
        if marker not in (0x01, 0xd8):  # these have no segment
            place += int.from_bytes(jpeg[place:place + 2], 'big')
