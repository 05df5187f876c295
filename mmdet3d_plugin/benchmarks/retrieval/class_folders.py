"""Sets of images in one folder per class."""
import os
from pathlib import Path
from typing import List, Optional

from ...errors import InputError
from ...utils.files import PathLike, inside
from .labelled_images import SUFFIXES, LabelledImage, check_images

# Images that would be missed without a message.
OTHER_SUFFIXES = ('.bmp', '.gif', '.tif', '.tiff', '.webp')
RENDER = 'python tools/create_data.py vehicles --models 80 --views 40 --size 96 --out'


def read_class_folders(root: PathLike, split: Optional[str] = None) -> List[LabelledImage]:
    """List the images of ``ROOT/[SPLIT/]CLASS/IMAGE.(png|jpg|jpeg)``.

    Hidden files and files that are no images are ignored. The rendered vehicles of
    ``tools/create_data.py vehicles`` have this layout.

    Args:
        root: folder of the set.
        split: folder of the split, or None for a set without folders of splits.

    Returns:
        Images sorted by class and file name. The class names are those of the folders.

    Raises:
        InputError: a folder is missing or has no images, or an image has another format.

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
    if (root / 'vehicles.json').is_file() and not (root / 'views.csv').is_file():
        raise InputError(f'{root}: the vehicles are not complete; run tools/create_data.py '
                         'vehicles again with the same options')
    folder = root if split is None else inside(root, split)
    if not folder.is_dir():
        raise InputError(f'{folder}: no such folder; {_splits_of(root)}')
    prefix = '' if split is None else f'{split}/'
    images = []
    for name in _visible(folder):
        if (folder / name).is_dir():
            images += [LabelledImage(f'{prefix}{name}/{file}', name)
                       for file in _image_files(folder / name, folder)]
    if not images:
        raise InputError(f'{folder}: holds no class folder; put one folder of images per class '
                         'there')
    return check_images(folder, images)


def _splits_of(root: Path) -> str:
    """Return the advice for a split that does not exist."""
    folders = [name for name in _visible(root) if (root / name).is_dir()]
    if any(name.lower().endswith(SUFFIXES) for folder in folders
           for name in _visible(root / folder)):
        return f'{root} holds class folders without splits, so set split=None'
    if not folders:
        return f'put class folders there, or render vehicles with {RENDER} {root}'
    return f'{root} has the splits {", ".join(folders[:4])}'


def _image_files(folder: Path, parent: Path) -> List[str]:
    """Return the names of the images in a class folder."""
    names = _visible(folder)
    odd = next((name for name in names if name.lower().endswith(OTHER_SUFFIXES)), None)
    if odd is not None:
        raise InputError(f'{folder / odd}: only PNG and JPEG files are read; convert or remove it')
    found = [name for name in names if name.lower().endswith(SUFFIXES)
             and not (folder / name).is_dir()]
    if found:
        return found
    if any((folder / name).is_dir() for name in names):
        raise InputError(f'{folder}: holds folders instead of images; if it is a split, set '
                         f"split='{folder.name}', else set data_root to the folder of the classes")
    raise InputError(f'{folder}: this class has no PNG or JPEG file; add some or remove the '
                     'folder')


def _visible(folder: Path) -> List[str]:
    """Return the sorted names in a folder without hidden ones."""
    try:
        return sorted(name for name in os.listdir(folder) if not name.startswith('.'))
    except OSError as error:
        raise InputError(f'{folder}: cannot read this folder ({error.strerror}); correct its '
                         'permissions') from None
