"""Labelled images of retrieval sets, and checks that all layouts share."""
import os
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from ...errors import InputError
from ...utils.files import PathLike, is_inner_name, read_text, shortened

SPLITS = ('train', 'test')
SUFFIXES = ('.png', '.jpg', '.jpeg')


class LabelledImage(NamedTuple):
    """One image of a set.

    Attributes:
        path: path relative to the folder of the set, with ``/`` between its parts.
        class_name: name of its class.
    """
    path: str
    class_name: str

    @property
    def name(self) -> str:
        """Path without suffix."""
        return os.path.splitext(self.path)[0]


def check_images(title: object, images: Sequence[LabelledImage]) -> List[LabelledImage]:
    """Return the images, grouped by class in the order of their first image.

    Args:
        title: file or folder that lists the images, for messages.
        images: images in any order.

    Raises:
        InputError: there is no image, a path leaves the folder of the set, or two images have
            the same name.

    Example:
        >>> images = [LabelledImage('a/1.jpg', 'a'), LabelledImage('b/1.jpg', 'b'),
        ...           LabelledImage('a/2.jpg', 'a')]
        >>> [image.name for image in check_images('list.txt', images)]
        ['a/1', 'a/2', 'b/1']
    """
    if not images:
        raise InputError(f'{title}: holds no image of this split; restore the set')
    paths: Dict[str, LabelledImage] = {}
    for image in images:
        if not is_inner_name(image.path):
            raise InputError(f'{title}: {shortened(image.path)} is no name of a file inside the '
                             'set; correct or rename it')
        other = paths.setdefault(image.name, image)
        if other is not image:
            raise InputError(f'{title}: {image.path} has the same name as {other.path}; rename or '
                             'remove one')
    order = {name: rank for rank, name in
             enumerate(dict.fromkeys(image.class_name for image in images))}
    return sorted(images, key=lambda image: order[image.class_name])


def check_nesting(root: Path, images: Sequence[LabelledImage]) -> None:
    """Raise InputError if a folder of images contains a folder of the same name.

    Some archives have such a folder, and some tools make one when they unpack an archive.

    Args:
        root: folder of the set.
        images: images of the set.
    """
    folders = {str(folder) for parent in {os.path.dirname(image.path) for image in images}
               for folder in (Path(parent), *Path(parent).parents)} - {'.'}
    for folder in sorted(folders):
        name = os.path.basename(folder)
        inner = os.path.join(folder, name)
        if inner not in folders and (root / inner).is_dir():
            raise InputError(f'{root / folder}: contains another folder {name}; move the content '
                             f'of {root / inner} up by one folder')


def select_split(classes: Sequence[int], split: str) -> Set[int]:
    """Return the class ids of a split: the first half for training, the other half for test.

    That is 100 and 100 classes of CUB-200-2011, and 98 and 98 of Cars-196. Of an odd number of
    classes, test has one more.

    Args:
        classes: ids of all classes of the set.
        split: ``'train'`` or ``'test'``.

    Raises:
        InputError: ``split`` has another value.

    Example:
        >>> select_split([1, 2, 3, 4], 'train'), select_split([1, 2, 3, 4], 'test')
        ({1, 2}, {3, 4})
    """
    check_split(split)
    ordered = sorted(set(classes))
    half = len(ordered) // 2
    return set(ordered[:half] if split == 'train' else ordered[half:])


def check_split(split: str) -> None:
    """Raise InputError unless ``split`` is ``'train'`` or ``'test'``."""
    if split not in SPLITS:
        raise InputError(f"split is {split!r}, expected 'train' or 'test'")


def find_root(root: PathLike, markers: Sequence[str], download: str,
              folder: Optional[str] = None) -> Path:
    """Return the folder of a set if it contains one of the set's files or folders.

    Args:
        root: folder that the user gave.
        markers: names of files or folders of the set.
        download: name of the archive, for messages.
        folder: folder in the archive that contains the set; None for an archive without one.

    Raises:
        InputError: ``root`` contains none of them. If its parent, or a folder at most two
            levels below, contains one, the message names that folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, 'images.txt').touch()
        ...     find_root(folder, ['images.txt'], 'CUB_200_2011.tgz') == Path(folder)
        True
    """
    root = Path(root)
    advice = _unpacking(root, download, folder)
    if not root.is_dir():
        raise InputError(f'{root}: no such folder; {advice}')
    if any((root / marker).exists() for marker in markers):
        return root
    names = ' or '.join(markers)
    found = [path for marker in markers
             for path in (root.absolute().parent / marker, *sorted(root.glob(f'*/{marker}')),
                          *sorted(root.glob(f'*/*/{marker}'))) if path.exists()]
    if found:
        raise InputError(f'{root}: has no {names}, but {found[0].parent} has; set data_root to '
                         'that folder')
    raise InputError(f'{root}: has no {names}; {advice}')


def _unpacking(root: Path, download: str, folder: Optional[str]) -> str:
    """Return the advice to unpack an archive, as :func:`find_root` describes it."""
    if folder is None:
        return f'unpack {download} in this folder or correct data_root'
    place = root if root.is_dir() and root.name != folder else root.parent
    made = place / folder
    return f'unpack {download} in {place}, which makes {made}, ' + (
        'or correct data_root' if made == root else 'and set data_root to that folder')


def read_rows(path: Path, num_fields: int, download: str) -> Iterator[Tuple[str, List[str]]]:
    """Iterate over the lines of a text file with fields that are separated by spaces.

    Empty lines are left out.

    Args:
        path: the file.
        num_fields: number of fields per line. The last one may contain spaces.
        download: name of the archive, for the message about a missing file.

    Returns:
        Place of the line, for messages, and its fields.

    Raises:
        InputError: the file is missing, or a line has too few fields. The message names the
            line.
    """
    text = read_text(path, f'no such file; unpack {download} again')
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split(maxsplit=num_fields - 1)
        if fields and len(fields) < num_fields:
            raise InputError(f'{path}:{number}: {len(fields)} of {num_fields} fields; restore the '
                             'file')
        if fields:
            yield f'{path}:{number}', [field.strip() for field in fields]


def parse_id(place: str, text: str) -> int:
    """Return the id of a class or an image, a positive integer.

    Raises:
        InputError: the text is another one. The message starts with ``place``.
    """
    if not (text.isascii() and text.isdigit() and int(text[:19]) > 0):
        raise InputError(f'{place}: {shortened(text)} is no id, expected a positive integer; '
                         'restore the file')
    return int(text[:19])
