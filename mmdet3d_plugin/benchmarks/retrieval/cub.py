"""CUB-200-2011: birds of 200 classes."""
from pathlib import Path
from typing import Dict, List

from ...errors import InputError
from ...utils.files import PathLike
from .labelled_images import (
    LabelledImage,
    check_images,
    check_nesting,
    find_root,
    parse_id,
    read_rows,
    select_split,
)

ARCHIVE = 'CUB_200_2011.tgz'
FOLDER = 'CUB_200_2011'  # in the archive


def read_cub(root: PathLike, split: str) -> List[LabelledImage]:
    r"""List the images of CUB's zero-shot split.

    The first 100 of the 200 class ids are for training, the last 100 for test. Of a smaller
    set, the first half of the ids in ``classes.txt`` is for training. The official split by
    image is not used.

    Args:
        root: folder with ``images.txt``, ``image_class_labels.txt``, ``classes.txt`` and
            ``images/``.
        split: ``'train'`` or ``'test'``.

    Returns:
        Images ordered by class id. Their paths start with ``images/``.

    Raises:
        InputError: a file is missing or malformed, or the images are a folder too deep.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name, text in [('classes.txt', '1 001.Auk\n2 002.Wren\n'),
        ...                        ('images.txt', '1 001.Auk/a.jpg\n2 002.Wren/b.jpg\n'),
        ...                        ('image_class_labels.txt', '1 1\n2 2\n')]:
        ...         _ = Path(folder, name).write_text(text)
        ...     read_cub(folder, 'test')
        [LabelledImage(path='images/002.Wren/b.jpg', class_name='002.Wren')]
    """
    root = find_root(root, ['images.txt'], ARCHIVE, FOLDER)
    names = _read_table(root / 'classes.txt')
    wanted = select_split(list(names), split)
    paths = _read_table(root / 'images.txt')
    labels = root / 'image_class_labels.txt'
    images = []
    for place, (image_id, class_id) in read_rows(labels, 2, ARCHIVE):
        image, label = parse_id(place, image_id), parse_id(place, class_id)
        if image not in paths or label not in names:
            missing = 'images.txt' if image not in paths else 'classes.txt'
            raise InputError(f'{place}: {missing} has no such id; restore the two files')
        images.append((label, image, LabelledImage(f'images/{paths.pop(image)}', names[label])))
    if paths:
        raise InputError(f'{labels}: has no class for image {min(paths)} of images.txt, or names '
                         'it twice; restore the file')
    found = check_images(root / 'images.txt',
                         [image for label, _, image in sorted(images) if label in wanted])
    check_nesting(root, found)
    return found


def _read_table(path: Path) -> Dict[int, str]:
    """Read lines of an id and a name."""
    table: Dict[int, str] = {}
    for place, (key, name) in read_rows(path, 2, ARCHIVE):
        if table.setdefault(parse_id(place, key), name) is not name:
            raise InputError(f'{place}: id {key} is used twice; restore the file')
    return table
