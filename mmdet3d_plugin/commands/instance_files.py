"""Files of ``create_data.py instances``: images to segment, and instance maps as 16-bit PNG."""
import glob
import json
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

import cv2
import numpy as np
from tqdm import tqdm

from ..errors import InputError
from ..utils.files import atomic_write, has_file
from ..utils.images import read_image
from ..utils.json_files import read_json

SUFFIXES = ('.png', '.jpg', '.jpeg')
# Colour images in the layouts of KITTI's raw data, KITTI's object benchmark and Cityscapes.
# The other images of these layouts are grey, depth maps or labels.
KNOWN_LAYOUTS = ('*/*/image_0[23]/data', 'raw/*/*/image_0[23]/data', 'training/image_2',
                 'testing/image_2', 'leftImg8bit_sequence', 'leftImg8bit')
MANIFEST = 'instances.json'
MAX_MANIFEST = 1 << 20  # bytes
Settings = Dict[str, Union[str, float]]
Segmenter = Callable[[np.ndarray], np.ndarray]


def find_images(root: Path, patterns: Optional[Sequence[str]], out: Path) -> Dict[Path, Path]:
    """Find the images of a folder and name their instance maps.

    Args:
        root: data set folder.
        patterns: folders or glob patterns relative to ``root``; None for the colour images of
            a known layout or, in other layouts, for all images. Folders are searched with
            their subfolders.
        out: folder of the instance maps. Images inside of it are left out.

    Returns:
        Image -> its instance map in ``out``, with the relative path of the image and the suffix
        ``.png``, in alphabetical order. Among images with the same path except for the suffix,
        the first is used.

    Raises:
        InputError: there is no such folder or no image.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, 'a').mkdir()
        ...     Path(folder, 'a/0.jpg').touch()
        ...     found = find_images(Path(folder), None, Path('masks'))
        ...     [path.as_posix() for path in found.values()]
        ['masks/a/0.png']
    """
    if not root.is_dir():
        raise InputError(f'{root}: no such folder; put or link the data set there')
    found: Iterable[Path] = ()
    if patterns is None:
        found = _images_of(root, KNOWN_LAYOUTS, out) or _images_of(root, ['.'], out)
    else:
        for pattern in patterns:
            images = _images_of(root, [pattern], out)
            if not images:
                raise InputError(f'--images {pattern}: matches no PNG or JPEG file in {root}; '
                                 'give a folder or a glob pattern relative to it')
            found = [*found, *images]
    targets: Dict[Path, Path] = {}
    for image in sorted(set(found)):
        targets.setdefault(out / image.relative_to(root).with_suffix('.png'), image)
    if not targets:
        raise InputError(f'{root}: holds no PNG or JPEG file; --root is the data set folder')
    return {image: target for target, image in targets.items()}


def _images_of(root: Path, patterns: Iterable[str], out: Path) -> List[Path]:
    """Return the images that match glob patterns, or that are in matching folders."""
    names = []
    for pattern in patterns:
        if os.path.isabs(pattern) or '..' in Path(pattern).parts:
            raise InputError(f'--images {pattern}: is no path inside of {root}; give a folder or '
                             'a glob pattern relative to it')
        # Unlike Path.glob, glob.glob searches linked folders too.
        for name in glob.glob(pattern, root_dir=root, recursive=True):
            inner = glob.escape(os.path.join(name, '')) + '**'
            names += glob.glob(inner, root_dir=root, recursive=True) \
                if (root / name).is_dir() else [name]
    outside = Path(os.path.abspath(out))
    images = [root / name for name in names if name.lower().endswith(SUFFIXES)]
    return [path for path in images
            if outside not in Path(os.path.abspath(path)).parents and not path.is_dir()]


def check_settings(out: Path, settings: Settings) -> None:
    """Check that a folder holds no instance maps made with other settings.

    Args:
        out: folder of the instance maps, which need not exist.
        settings: model, weights and so on, as :func:`write_settings` stores them.

    Raises:
        InputError: the folder has other settings.

    Example:
        >>> check_settings(Path('no_such_folder'), dict(score=.5))
    """
    manifest = out / MANIFEST
    if not has_file(manifest):
        return
    try:
        found = read_json(manifest, 'no such file', MAX_MANIFEST)
    except InputError:
        found = None
    if found != settings:
        raise InputError(f'{manifest}: the folder holds instance maps made with other settings; '
                         'choose another --out or pass --overwrite')


def write_settings(out: Path, settings: Settings) -> None:
    """Write the settings of the instance maps of a folder to ``instances.json``.

    Raises:
        InputError: the folder cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_settings(Path(folder), dict(score=.5))
        ...     Path(folder, 'instances.json').read_text().split()
        ['{', '"score":', '0.5', '}']
    """
    atomic_write(out / MANIFEST, json.dumps(settings, indent=2) + '\n')


def write_instance_maps(images: Dict[Path, Path], segment: Segmenter, workers: int = 2
                        ) -> List[str]:
    """Segment images and write their instance maps as 16-bit PNG, each atomically.

    Progress is shown on stderr.

    Args:
        images: image -> file of its instance map.
        segment: function from an image (H, W, 3) uint8, RGB, to its instance map (H, W) uint16.
        workers: threads that read images ahead.

    Returns:
        One line per unreadable image. Such an image has no instance map.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     image, target = Path(folder, 'a.png'), Path(folder, 'masks/a.png')
        ...     _ = cv2.imwrite(str(image), np.zeros((1, 2, 3), np.uint8))
        ...     problems = write_instance_maps(
        ...         {image: target}, lambda rgb: np.array([[0, 26000]], np.uint16))
        ...     cv2.imread(str(target), cv2.IMREAD_UNCHANGED).tolist(), problems
        ([[0, 26000]], [])
    """
    problems = []
    with tqdm(total=len(images), unit='image', desc='instances') as progress:
        for path, image in _read_ahead(list(images), workers):
            if isinstance(image, InputError):
                problems.append(str(image))
            else:
                _, content = cv2.imencode('.png', segment(image))
                atomic_write(images[path], content.tobytes())
            progress.update()
    return problems


def _read_ahead(paths: List[Path], workers: int
                ) -> Iterator[Tuple[Path, Union[np.ndarray, InputError]]]:
    """Yield each path with its image or its error, in order."""
    pool = ThreadPoolExecutor(workers)
    try:
        waiting: deque = deque()
        for path in paths:
            waiting.append((path, pool.submit(_read_image, path)))
            if len(waiting) > 2 * workers:
                path, future = waiting.popleft()
                yield path, future.result()
        for path, future in waiting:
            yield path, future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _read_image(path: Path) -> Union[np.ndarray, InputError]:
    """Return an image (H, W, 3) uint8, RGB, or the error that names the file."""
    try:
        image = read_image(path, flags=cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except InputError as error:
        return error
    return np.ascontiguousarray(image[..., ::-1])
