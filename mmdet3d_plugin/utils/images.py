"""Checks of image files before they are decoded, and images of a folder by name."""
import os
import struct
from pathlib import Path
from typing import Dict, List, Tuple, Union

from PIL import Image

from ..errors import InputError

FORMATS = ('PNG', 'JPEG')
IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg')  # of files in these formats, in lower case
PNG_SIGNATURE = b'\x89PNG\r\n\x1a\n'
JPEG_SIGNATURE, JPEG_SCAN, JPEG_END = b'\xff\xd8', b'\xff\xda', b'\xff\xd9'
MAX_PIXELS = 1 << 26  # 200 MB decoded; the header of a small file can declare any size
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
                               if entry.name.lower().endswith(IMAGE_SUFFIXES) and entry.is_file())
        except OSError:
            return found
        for name in files:
            found.setdefault(os.path.splitext(name)[0], []).append(name)
        return found


def image_size(path: Path, kind: str = 'image') -> Tuple[int, int]:
    """Return width and height of a PNG or JPEG file, from its header.

    Args:
        path: the file.
        kind: name of the kind of file, for messages.

    Returns:
        (width, height), pixels.

    Raises:
        InputError: the file is not a PNG or JPEG, declares no pixels or more than
            :data:`MAX_PIXELS`, or declares a rotation, which decoders apply to the pixels.

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
            exif = image.info.get('exif')
            if exif is None and image.format == 'PNG':
                exif = _png_exif(path)
            orientation = _orientation(exif or b'')
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


def _png_exif(path: Path) -> bytes:
    """Return the EXIF data of a PNG that stands after its pixels; empty if it has none."""
    with open(path, 'rb', buffering=0) as file:
        file.seek(max(os.path.getsize(path) - MAX_EXIF, 0))
        if b'eXIf' not in file.read():  # much faster than to visit all chunks
            return b''
        position = len(PNG_SIGNATURE)
        while True:
            file.seek(position)
            header = file.read(8)
            if len(header) < 8:
                return b''
            length, kind = struct.unpack('>I4s', header)
            if kind == b'eXIf':
                return file.read(min(length, MAX_EXIF))
            if kind == b'IEND':
                return b''
            position += length + 12


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
