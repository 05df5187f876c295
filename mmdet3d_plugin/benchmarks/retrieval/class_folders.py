"""Sets of images in one folder per class."""
import glob
import os
from pathlib import Path
from typing import List, Optional

from ...errors import InputError
from ...utils.files import PathLike, has_file, inside
from .labelled_images import SUFFIXES, LabelledImage, check_images

# Images that would be missed without a message.
OTHER_SUFFIXES = ('.bmp', '.gif', '.tif', '.tiff', '.webp')
RENDER = 'python tools/create_data.py vehicles --models 80 --views 40 --size 96 --out'


def read_class_folders(root: PathLike, split: Optional[str] = None) -> List[LabelledImage]:
    """List the images of ``ROOT/[SPLIT/]CLASS/IMAGE.(png|jpg|jpeg)``.

    Hidden files and files that are no images are ignored. Images beside the class folders, and
    images in subfolders of a class, are refused. The rendered vehicles of
    ``tools/create_data.py vehicles`` have this layout.

    Args:
        root: folder of the set.
        split: folder of the split, or None for a set without folders of splits.

    Returns:
        Images sorted by class and file name. The class names are those of the folders.

    Raises:
        InputError: a folder is missing or has no images, an image has another format or is in
            no class folder, or the class folders are on another level. The message names the
            right folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ('train/van/1.png', 'train/van/2.png', 'train/car/1.jpg'):
        ...         Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
        ...         Path(folder, name).touch()
        ...     [tuple(image) for image in read_class_folders(folder, 'train')]
        [('train/car/1.jpg', 'car'), ('train/van/1.png', 'van'), ('train/van/2.png', 'van')]
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f'{root}: no such folder; put class folders there, or render vehicles '
                         f'with {RENDER} {root}')
    if has_file(root / 'vehicles.json') and not has_file(root / 'views.csv'):
        raise InputError(f'{root}: the vehicles are not complete; run tools/create_data.py '
                         'vehicles again with the same options')
    folder = root if split is None else inside(root, split)
    if not folder.is_dir():
        raise InputError(f'{folder}: no such folder; '
                         f'{_advice(root, split) if split else "correct data_root"}')
    prefix = '' if split is None else f'{split}/'
    classes = _folders(folder)
    loose = next((name for name in _visible(folder) if _is_image(name) and name not in classes),
                 None)
    if loose is not None:
        raise InputError(f'{folder / loose}: an image outside of the class folders; ' + (
            'move it to one of them or remove it' if classes else
            f'move the images of {folder} to one folder per class, or set data_root to the '
            'folder that contains the class folders'))
    if not classes:
        raise InputError(f'{folder}: holds no class folder; put one folder of images per class '
                         'there')
    return check_images(folder, [
        LabelledImage(f'{prefix}{name}/{file}', name)
        for name in classes for file in _image_files(folder / name, split)])


def _advice(root: Path, split: str) -> str:
    """Return the advice for a split that does not exist."""
    path = root.absolute()
    # The given folder is perhaps that of the split or of a class.
    for above in path.parents:
        if above / split in (path, path.parent) and _holds_classes(above / split):
            return f'{root} is in this split already, so set data_root to {above}'
    for pattern in ('*', '*/*'):
        for below in sorted(root.glob(f'{pattern}/{glob.escape(split)}')):
            if _holds_classes(below):
                return f'set data_root to {str(below)[:-len(split) - 1]}'
    if _holds_classes(root):
        return f'{root} holds class folders without splits, so set split=None'
    if not _folders(root):
        return f'put class folders there, or render vehicles with {RENDER} {root}'
    return f'{root} has the splits {", ".join(_folders(root)[:4])}'


def _image_files(folder: Path, split: Optional[str]) -> List[str]:
    """Return the names of the images in a class folder."""
    names = _visible(folder)
    odd = next((name for name in names if name.lower().endswith(OTHER_SUFFIXES)), None)
    if odd is not None:
        raise InputError(f'{folder / odd}: only PNG and JPEG files are read; convert or remove it')
    inner = _folders(folder)
    found = [name for name in names if name.lower().endswith(SUFFIXES) and name not in inner]
    if found:
        deep = next((name for name in inner if _has_images(folder / name)), None)
        if deep is not None:
            raise InputError(f'{folder / deep}: a folder of images inside the class '
                             f'{folder.name}; move its images up to {folder}, or move the folder '
                             'out of the set')
        return found
    if inner and split is not None:
        raise InputError(f'{folder}: holds folders instead of images; move the folders of '
                         f'{folder} up by one folder, so that the split {split} holds the class '
                         'folders')
    if inner:
        raise InputError(f'{folder}: holds folders instead of images; if it is a split, set '
                         f"split='{folder.name}', else set data_root to {folder}")
    raise InputError(f'{folder}: this class has no PNG or JPEG file; add some or remove the '
                     'folder')


def _is_image(name: str) -> bool:
    return name.lower().endswith((*SUFFIXES, *OTHER_SUFFIXES))


def _has_images(folder: Path) -> bool:
    """Return whether a folder holds an image at any depth."""
    return any(_is_image(name) and not name.startswith('.')
               for _, _, names in os.walk(folder) for name in names)


def _holds_classes(folder: Path) -> bool:
    """Return whether a folder holds folders of images."""
    return folder.is_dir() and any(
        name.lower().endswith(SUFFIXES)
        for inner in _folders(folder) for name in _visible(folder / inner))


def _folders(folder: Path) -> List[str]:
    """Return the sorted names of the folders in a folder without hidden ones."""
    return [name for name in _visible(folder) if (folder / name).is_dir()]


def _visible(folder: Path) -> List[str]:
    """Return the sorted names in a folder without hidden ones."""
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith('.'))
    except OSError as error:
        raise InputError(f'{folder}: cannot read this folder ({error.strerror}); correct its '
                         'permissions') from None
