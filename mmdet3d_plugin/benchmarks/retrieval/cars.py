"""Cars-196: cars of 196 makes and models."""
from pathlib import Path
from typing import Any, List, Tuple

import numpy as np

from ...errors import InputError
from ...utils.files import PathLike, has_file, shortened
from ..matlab_files import read_matlab
from .labelled_images import LabelledImage, check_images, check_nesting, find_root, select_split

ARCHIVE = 'car_ims.tgz and cars_annos.mat (or cars_train.tgz, cars_test.tgz and car_devkit.tgz)'
TEST_LABELS = 'cars_test_annos_withlabels.mat'


def read_cars(root: PathLike, split: str) -> List[LabelledImage]:
    """List the images of the zero-shot split of Cars-196.

    The first 98 of the 196 class ids are for training, the last 98 for test. Of a smaller set,
    the first half of the class names is for training. The official split by image is not used.

    Two layouts are read:

    - ``car_ims/`` and ``cars_annos.mat``.
    - ``cars_train/``, ``cars_test/``, ``devkit/cars_train_annos.mat``, ``devkit/cars_meta.mat``,
      and ``cars_test_annos_withlabels.mat`` in ``devkit/`` or beside it.

    Args:
        root: folder of the set.
        split: ``'train'`` or ``'test'``.

    Returns:
        Images ordered by class id.

    Raises:
        InputError: a file is missing or malformed, or the images are a folder too deep.

    Example:
        >>> import tempfile
        >>> from scipy.io import savemat
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Path(folder, 'car_ims').mkdir()
        ...     cars = np.array([('car_ims/1.jpg', 2), ('car_ims/2.jpg', 1)],
        ...                     [('relative_im_path', object), ('class', object)])
        ...     savemat(f'{folder}/cars_annos.mat', dict(
        ...         annotations=cars, class_names=np.array(['Acura', 'Audi'], object)))
        ...     read_cars(folder, 'train')
        [LabelledImage(path='car_ims/2.jpg', class_name='Acura')]
    """
    root = find_root(root, ['car_ims', 'cars_train'], ARCHIVE)
    if (root / 'car_ims').is_dir():
        title = root / 'cars_annos.mat'
        names = _class_names(title)
        cars = _annotated_cars(title, 'relative_im_path', '', len(names))
    else:
        title = root / 'devkit'
        names = _class_names(title / 'cars_meta.mat')
        beside = root / TEST_LABELS
        test = beside if has_file(beside) else title / TEST_LABELS
        cars = [car for path, folder in ((title / 'cars_train_annos.mat', 'cars_train'),
                                         (test, 'cars_test'))
                for car in _annotated_cars(path, 'fname', f'{folder}/', len(names))]
    wanted = select_split(range(1, len(names) + 1), split)
    images = check_images(title, [LabelledImage(path, names[label - 1])
                                  for label, path in sorted(cars) if label in wanted])
    check_nesting(root, images)
    return images


def _class_names(path: Path) -> List[str]:
    """Read the names of the classes 1, 2, ..."""
    names = [str(name) for name in np.atleast_1d(_read_entry(path, 'class_names'))]
    if len(set(names)) < len(names):
        raise InputError(f'{path}: two classes have the same name; restore the file')
    return names


def _annotated_cars(path: Path, field: str, folder: str, num_classes: int
                    ) -> List[Tuple[int, str]]:
    """Read the class id and the path of every image.

    Args:
        path: annotation file.
        field: field of the image's name.
        folder: start of the paths.
        num_classes: number of classes, the largest class id.
    """
    rows = np.atleast_1d(_read_entry(path, 'annotations'))
    for name in (field, 'class'):
        if name not in (rows.dtype.names or ()):
            raise InputError(f'{path}: its annotations have no field {name}; restore the file')
    cars = []
    for number, (image, label) in enumerate(zip(rows[field], rows['class']), 1):
        if not isinstance(image, str) or np.ndim(label) or not (
                np.issubdtype(np.asarray(label).dtype, np.number)
                and label in range(1, num_classes + 1)):
            raise InputError(f'{path}: annotation {number} has the image {shortened(image)} and '
                             f'the class {shortened(label)}, expected a name and an id of '
                             f'1-{num_classes}; restore the file')
        cars.append((int(label), f'{folder}{image}'))
    return cars


def _read_entry(path: Path, name: str) -> Any:
    """Read an array of a MATLAB file."""
    missing = f'no such file; unpack {ARCHIVE} again'
    if path.name == TEST_LABELS:
        missing = ('no such file; download it, because cars_test_annos.mat of the devkit has no '
                   'classes')
    entries = read_matlab(path, [name], missing, squeeze=True)
    if name not in entries:
        raise InputError(f'{path}: has no entry {name}; restore the file')
    return entries[name]
