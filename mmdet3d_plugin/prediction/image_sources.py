"""Sources of images: files, URLs, arrays, folders, patterns, videos and webcams.

Images are (H, W, 3) uint8 arrays in OpenCV's order BGR. A source is read one image at a time.
"""
import difflib
import glob
import http.client
import io
import os
import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Optional, Set
from urllib.parse import unquote, urlparse
from urllib.request import Request, urlopen

import cv2
import numpy as np
from PIL import Image, ImageOps

from ..errors import InputError
from ..utils.files import MAX_NAME, is_inner_name, read_bytes, shortened
from ..utils.images import MAX_BYTES, MAX_PIXELS, check_complete, decode_pixels

IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.webp', '.tif', '.tiff', '.ppm', '.pgm')
FORMATS = ('PNG', 'JPEG', 'BMP', 'WEBP', 'TIFF', 'PPM')  # of Pillow
VIDEO_SUFFIXES = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg', '.wmv')
URL_SCHEMES, STREAM_SCHEMES = ('http', 'https'), ('rtsp', 'rtmp', 'udp')
MAX_FOLDERS = 100  # that are searched for images to name in a message
TIMEOUT = 30.  # seconds without data from a server
DEFAULT_FRAME_RATE = 25.  # of videos that do not say theirs
# A video may have fewer frames than its header says: by this share, or by a few.
MISCOUNTED_SHARE, MISCOUNTED_FRAMES = 0.05, 3
# OpenCV reads the variable at the first video. ffmpeg then prints no errors of its own.
os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')


@dataclass(frozen=True)
class SourceImage:
    """One image of a source.

    Attributes:
        name: name without suffix, unique in its source.
        load: decodes the image, (H, W, 3) uint8, BGR; raises InputError for a broken file.
        origin: absolute path or URL of the image; None for frames and images in memory.
    """
    name: str
    load: Callable[[], np.ndarray]
    origin: Optional[str] = None


@dataclass
class ImageSource:
    """Images in order.

    Attributes:
        images: the images; a stream can be iterated once.
        count: number of images, or None if unknown.
        frame_rate: frames per second of a video; None for images.
        title: name of the source, for messages.
    """
    images: Iterable[SourceImage]
    count: Optional[int] = None
    frame_rate: Optional[float] = None
    title: str = 'images'

    def __iter__(self) -> Iterator[SourceImage]:
        return iter(self.images)


def open_images(source: Any) -> ImageSource:
    """Open a source of images.

    Args:
        source: path or URL of an image; array (H, W, 3), BGR as OpenCV's, or (H, W), or
            (H, W, 4), of type uint8 or uint16; Pillow's image; folder, for its images in order
            of their names; glob pattern; video file; index of a webcam; or a list or an iterator
            of images.

    Raises:
        InputError: there is no such file, a folder or pattern has no images, or a video has no
            frames. Files of a folder or list are read later, one at a time.

    Example:
        >>> source = open_images([np.zeros((4, 6), np.uint8), Image.new('RGB', (6, 4), 'red')])
        >>> source.count, [image.name for image in source]
        (2, ['000000', '000001'])
        >>> [image.load()[0, 0].tolist() for image in source]  # blue, green, red
        [[0, 0, 0], [0, 0, 255]]
    """
    if isinstance(source, ImageSource):
        return source
    if isinstance(source, int) and not isinstance(source, bool):
        return _open_video(source, f'webcam {source}')
    if isinstance(source, (str, Path)):
        return _open_text(str(source))
    if isinstance(source, (np.ndarray, Image.Image)):
        return ImageSource([_single(source, 0)], 1)
    if isinstance(source, (list, tuple)):
        names: Set[str] = set()
        images = [_unique(_single(item, index), names) for index, item in enumerate(source)]
        if not images:
            raise InputError('images: an empty list; give at least one image')
        return ImageSource(images, len(images))
    if hasattr(source, '__next__'):
        return ImageSource(_stream(source))
    raise InputError(f'images: {type(source).__name__} is no source of images; give a path, a '
                     'URL, an array, a Pillow image, a list of these, a folder, a glob pattern, a '
                     'video or the index of a webcam')


def shortfall_of(source: ImageSource, read: int) -> Optional[str]:
    """Return a message if a video ended clearly before the end that its header says.

    Headers may miscount, so 5 % of the frames or three frames are tolerated.

    Args:
        source: the source, read to its end.
        read: number of images that it had.

    Returns:
        The message; None if nothing is missing, or the source is no video file.

    Example:
        >>> video = ImageSource([], count=100, frame_rate=10., title='a.mp4')
        >>> shortfall_of(video, 95), shortfall_of(video, 94)
        (None, 'a.mp4: broke off after 94 of 100 frames; the file is cut off or damaged')
    """
    if source.frame_rate is None or source.count is None:
        return None
    if source.count - read <= max(MISCOUNTED_FRAMES, MISCOUNTED_SHARE * source.count):
        return None
    return (f'{source.title}: broke off after {read} of {source.count} frames; the file is cut '
            'off or damaged')


def _stream(items: Iterator[Any]) -> Iterator[SourceImage]:
    names: Set[str] = set()
    for index, item in enumerate(items):
        yield item if isinstance(item, SourceImage) else _unique(_single(item, index), names)
        names = names if len(names) < 100_000 else set()


def _unique(image: SourceImage, names: Set[str]) -> SourceImage:
    """Return the image under a name that is not yet in ``names``, and add it there."""
    name, number = image.name, 1
    while name in names:
        number += 1
        name = f'{image.name}_{number}'
    names.add(name)
    return replace(image, name=name)


def _single(item: Any, index: int) -> SourceImage:
    """Return an item of a list as image."""
    name = f'{index:06d}'
    if isinstance(item, SourceImage):
        return item
    if isinstance(item, np.ndarray):
        return SourceImage(name, lambda: array_image(item, f'image {index}'))
    if isinstance(item, Image.Image):
        return SourceImage(name, lambda: pillow_image(item, f'image {index}'))
    if isinstance(item, (str, Path)):
        text = str(item)
        if _scheme(text) in URL_SCHEMES:
            return SourceImage(_name_of(unquote(urlparse(text).path), name),
                               lambda: read_url(text), text)
        return SourceImage(_name_of(text, name), lambda: read_image(text),
                           os.path.abspath(os.path.expanduser(text)))
    raise InputError(f'image {index}: {type(item).__name__} is no image; give a path, a URL, an '
                     'array or a Pillow image')


def _name_of(path: str, default: str) -> str:
    stem = Path(path).stem
    return stem if stem and is_inner_name(stem) else default


def _scheme(source: str) -> str:
    """Return the scheme of a URL; empty for a path."""
    try:
        return urlparse(source).scheme
    except ValueError as error:
        if '://' not in source:
            return ''
        raise InputError(f'{_title(source)}: is no valid URL ({error})') from None


def _title(source: str) -> str:
    """Return a source for a message, cut if it is long."""
    return source if len(source) <= MAX_NAME else f'{source[:60]}...'


def _open_text(source: str) -> ImageSource:
    """Open a path, a URL, a pattern or the index of a webcam.

    Raises:
        InputError: there is no such source, or it cannot be read.
    """
    try:
        return _open_any(source)
    except (OSError, RuntimeError) as error:  # RuntimeError: ~ of an unknown user
        reason = getattr(error, 'strerror', None) or error
        raise InputError(f'{_title(source)}: cannot be read ({reason})') from None


def _open_any(source: str) -> ImageSource:
    scheme = _scheme(source)
    if scheme in STREAM_SCHEMES:
        return _open_video(source, source)
    if scheme in URL_SCHEMES:
        return ImageSource([_single(source, 0)], 1, title=source)
    path = Path(source).expanduser()
    if path.is_dir():
        return _open_folder(path)
    if path.is_file():
        if path.suffix.lower() in VIDEO_SUFFIXES:
            return _open_video(str(path), str(path))
        return ImageSource([_single(path, 0)], 1, title=source)
    if re.fullmatch('[0-9]{1,4}', source):
        return _open_video(int(source), f'webcam {source}')
    if glob.has_magic(source):
        found = sorted(name for name in glob.glob(str(path), recursive=True)
                       if Path(name).suffix.lower() in IMAGE_SUFFIXES)
        if not found:
            raise InputError(f'{source}: the pattern matches no image; put it in quotes, and give '
                             'the suffix of the images')
        return _of_files(found, source)
    raise InputError(f'{_title(source)}: no such image, folder or video{_similar(path)}')


def _similar(path: Path) -> str:
    """Return a hint that names a file of similar name; empty if there is none."""
    try:
        names = [entry.name for entry in os.scandir(path.parent)]
    except (OSError, ValueError):
        return f'; {_title(str(path.parent))} is no folder'
    near = difflib.get_close_matches(path.name, names, 1)
    return f'; did you mean {path.with_name(near[0])}?' if near else ''


def _open_folder(folder: Path) -> ImageSource:
    files = _images_in(folder)
    if not files:
        inner = next((path for path in _folders_below(folder) if _images_in(path)), None)
        hint = f'; name one of its folders, such as {inner}' if inner else ''
        raise InputError(f'{folder}: holds no images ({", ".join(IMAGE_SUFFIXES)}){hint}')
    return _of_files(files, str(folder))


def _images_in(folder: Path) -> List[str]:
    return sorted(str(path) for path in folder.iterdir()
                  if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith('.'))


def _folders_below(folder: Path) -> Iterator[Path]:
    """Yield up to MAX_FOLDERS folders below a folder, the nearest first."""
    waiting, seen = [folder], 0
    while waiting and seen < MAX_FOLDERS:
        for path in sorted(waiting.pop(0).iterdir()):
            if path.is_dir() and not path.is_symlink():
                waiting.append(path)
                seen += 1
                yield path


def _of_files(files: List[str], title: str) -> ImageSource:
    names: Set[str] = set()
    images = [_unique(_single(file, index), names) for index, file in enumerate(files)]
    return ImageSource(images, len(images), title=title)


def _open_video(source: Any, title: str) -> ImageSource:
    """Open a video or a webcam, and check that it has a frame.

    Raises:
        InputError: it cannot be opened, or has no frames.
    """
    level = cv2.getLogLevel()
    cv2.setLogLevel(0)
    try:
        capture = cv2.VideoCapture(source)
        whole, frame = capture.read() if capture.isOpened() else (False, None)
    finally:
        cv2.setLogLevel(level)
    if not whole:
        if isinstance(source, int):
            raise InputError(f'{title}: shows no picture; is it connected, and free?')
        raise InputError(f'{title}: a video without frames, or one that OpenCV cannot decode; '
                         'convert it to H.264 in mp4')
    is_file = isinstance(source, str) and urlparse(source).scheme not in STREAM_SCHEMES
    rate = capture.get(cv2.CAP_PROP_FPS)
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if is_file else 0
    return ImageSource(_frames(capture, frame), count if count > 0 else None,
                       rate if 0.1 < rate < 1000 else DEFAULT_FRAME_RATE, title)


def _frames(capture: cv2.VideoCapture, frame: np.ndarray) -> Iterator[SourceImage]:
    """Yield the frames of a video from the first, which is decoded already."""
    index, whole = 0, True
    try:
        while whole:
            yield SourceImage(f'{index:06d}', partial(array_image, frame, 'frame'))
            index += 1
            whole, frame = capture.read()
    finally:
        capture.release()


def array_image(array: np.ndarray, title: str) -> np.ndarray:
    """Return an array as (H, W, 3) uint8 image, BGR.

    Args:
        array: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), uint8 or uint16; BGR and BGRA as
            OpenCV's.
        title: name of the image, for messages.

    Raises:
        InputError: it has another shape or type, or no pixels.

    Example:
        >>> array_image(np.full((2, 3), 256 * 7, np.uint16), 'a').shape
        (2, 3, 3)
    """
    grey = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if (array.dtype not in (np.uint8, np.uint16) or array.size == 0
            or not (grey.ndim == 2 or (grey.ndim == 3 and grey.shape[2] in (3, 4)))):
        raise InputError(f'{title}: an array {array.shape} of {array.dtype} is no image; give '
                         '(H, W, 3) uint8 in the order BGR')
    if grey.shape[0] * grey.shape[1] > MAX_PIXELS:
        raise InputError(f'{title}: has more than {MAX_PIXELS >> 20} million pixels; make it '
                         'smaller')
    if grey.dtype == np.uint16:
        grey = (grey >> 8).astype(np.uint8)
    image = np.repeat(grey[..., None], 3, axis=2) if grey.ndim == 2 else grey[..., :3]
    return np.ascontiguousarray(image)


def pillow_image(image: Image.Image, title: str) -> np.ndarray:
    """Return Pillow's image as (H, W, 3) uint8 image, BGR, turned as its EXIF data says.

    Args:
        image: the image, of any mode.
        title: name of the image, for messages.

    Raises:
        InputError: it has no pixels, too many, or cannot be decoded.
    """
    if not 0 < image.width * image.height <= MAX_PIXELS:
        raise InputError(f'{title}: has {image.width}x{image.height} pixels, expected at most '
                         f'{MAX_PIXELS >> 20} million')
    try:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith('I'):  # 16 bits, which Pillow would cut off at 255
            return array_image(np.asarray(image).astype(np.uint16), title)
        return np.ascontiguousarray(np.asarray(image.convert('RGB'))[..., ::-1])
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f'{title}: not a readable image ({shortened(str(error))})') from None


def read_image(path: str) -> np.ndarray:
    """Read an image file as (H, W, 3) uint8, BGR, turned as its EXIF data says.

    Raises:
        InputError: the file is missing, too large, or no readable image.
    """
    try:
        place = Path(path).expanduser()
        place.stat()
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: ~ of an unknown user
        reason = getattr(error, 'strerror', None) or error
        raise InputError(f'{_title(path)}: cannot read the image ({reason})') from None
    return decode_image(read_bytes(place, 'no such image', MAX_BYTES), path)


def read_url(url: str) -> np.ndarray:
    """Download an image, as :func:`read_image` reads a file.

    Raises:
        InputError: the server or the image is missing, or it is no readable image.
    """
    try:
        with urlopen(Request(url, headers={'User-Agent': 'mmdet3d_plugin'}),
                     timeout=TIMEOUT) as answer:
            content = answer.read(MAX_BYTES + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise InputError(f'{_title(url)}: cannot download the image '
                         f'({shortened(str(getattr(error, "reason", error)))})') from None
    if len(content) > MAX_BYTES:
        raise InputError(f'{url}: has more than {MAX_BYTES >> 20} MB')
    return decode_image(content, url)


def decode_image(content: bytes, title: str) -> np.ndarray:
    """Decode the bytes of an image file as :func:`read_image`.

    Raises:
        InputError: they are no readable image, are cut off, or declare too many pixels.

    Example:
        >>> content = cv2.imencode('.png', np.zeros((4, 6), np.uint8))[1].tobytes()
        >>> decode_image(content, 'a.png').shape
        (4, 6, 3)
    """
    check_complete(Path(title), content)
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
    except Exception:  # Pillow raises many types for broken headers
        raise InputError(f'{title}: not a readable image') from None
    if not 0 < width * height <= MAX_PIXELS:
        raise InputError(f'{title}: declares {width}x{height} pixels, expected at most '
                         f'{MAX_PIXELS >> 20} million')
    return decode_pixels(content, title)
