"""Stanford Online Products: photos of articles from 12 categories of an online market."""
from typing import List

from ...errors import InputError
from ...utils.files import PathLike
from .labelled_images import (
    LabelledImage,
    check_images,
    check_nesting,
    check_split,
    find_root,
    parse_id,
    read_rows,
)

ARCHIVE = 'Stanford_Online_Products.zip'
FOLDER = 'Stanford_Online_Products'  # in the archive
HEADER = ['image_id', 'class_id', 'super_class_id', 'path']


def read_products(root: PathLike, split: str) -> List[LabelledImage]:
    r"""List the images of a split of Stanford Online Products.

    The released lists name 59,551 images of 11,318 classes for training and 60,502 images of
    11,316 classes for test.

    Args:
        root: folder with ``Ebay_train.txt``, ``Ebay_test.txt`` and the folders of images.
        split: ``'train'`` or ``'test'``.

    Returns:
        Images in the order of the list. Class names are the class ids.

    Raises:
        InputError: the list is missing or malformed, or images are a folder too deep.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, 'Ebay_test.txt').write_text(
        ...         'image_id class_id super_class_id path\n1 11319 1 sofa_final/1_0.JPG\n')
        ...     read_products(folder, 'test')
        [LabelledImage(path='sofa_final/1_0.JPG', class_name='11319')]
    """
    check_split(split)
    root = find_root(root, ['Ebay_train.txt', 'Ebay_test.txt'], ARCHIVE, FOLDER)
    path = root / f'Ebay_{split}.txt'
    rows = list(read_rows(path, len(HEADER), ARCHIVE))
    if not rows or rows[0][1] != HEADER:
        raise InputError(f'{path}:1: expected the header {" ".join(HEADER)}; restore the file')
    images = check_images(path, [LabelledImage(image, str(parse_id(place, class_id)))
                                 for place, (_, class_id, _, image) in rows[1:]])
    check_nesting(root, images)
    return images
