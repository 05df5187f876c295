"""Writers of tiny folders of the retrieval datasets.

Each class has ``count`` images. The pixels of image i of class c (from 1) have the colour
(10 c, 10 i, 100), BGR, so that the same images of two layouts are equal.
"""
from pathlib import Path

import cv2
import numpy as np

SIZE = (24, 16)  # width, height


def write_image(path: Path, class_id: int, index: int) -> None:
    """Write an image of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((SIZE[1], SIZE[0], 3), (10 * class_id % 256, 10 * index, 100), np.uint8)
    assert cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 100])


def write_class_folders(root: Path, splits=('train', 'val'), classes=('car', 'van'), count=3,
                        suffix='.png') -> Path:
    """Write ``SPLIT/CLASS/INDEX.png``, or ``CLASS/INDEX.png`` for the split None."""
    for split in splits:
        for class_id, name in enumerate(classes, 1):
            for index in range(count):
                write_image(root / (split or '') / name / f'{index}{suffix}', class_id, index)
    return root


def write_cub(root: Path, num_classes=4, count=3, images=True) -> Path:
    """Write CUB-200-2011's three lists and, with ``images``, its images.

    ``images.txt`` lists the classes in reverse order.
    """
    names = {class_id: f'{class_id:03d}.Bird_{class_id}' for class_id in range(1, num_classes + 1)}
    paths = [(class_id, f'{name}/Bird_{index}.jpg', index)
             for class_id, name in reversed(names.items()) for index in range(count)]
    root.mkdir(parents=True)
    (root / 'classes.txt').write_text(''.join(f'{key} {name}\n' for key, name in names.items()))
    (root / 'images.txt').write_text(
        ''.join(f'{number} {path}\n' for number, (_, path, _) in enumerate(paths, 1)))
    (root / 'image_class_labels.txt').write_text(
        ''.join(f'{number} {class_id}\n' for number, (class_id, _, _) in enumerate(paths, 1)))
    for class_id, path, index in paths if images else []:
        write_image(root / 'images' / path, class_id, index)
    return root


def car_names(num_classes: int) -> np.ndarray:
    """Return class names as MATLAB's cell array of strings."""
    return np.array([f'Make {class_id} Sedan' for class_id in range(1, num_classes + 1)], object)


def write_mat(path: Path, **entries) -> None:
    """Write a MATLAB file."""
    from scipy.io import savemat
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(str(path), entries)


def write_annotations(path: Path, field: str, rows, **entries) -> None:
    """Write annotations of (name, class id), with a box as in the released files."""
    annotations = np.array([(name, 1, 2, 20, 14, class_id) for name, class_id in rows], [
        (field, object), *((f'bbox_{side}', np.uint8) for side in ('x1', 'y1', 'x2', 'y2')),
        ('class', np.uint8)])
    write_mat(path, annotations=annotations, **entries)


def write_cars(root: Path, num_classes=4, count=3, images=True) -> Path:
    """Write ``car_ims`` and ``cars_annos.mat``."""
    rows = []
    for number in range(num_classes * count):
        class_id, index = number % num_classes + 1, number // num_classes
        rows.append((f'car_ims/{number + 1:06d}.jpg', class_id))
        if images:
            write_image(root / rows[-1][0], class_id, index)
    (root / 'car_ims').mkdir(parents=True, exist_ok=True)
    write_annotations(root / 'cars_annos.mat', 'relative_im_path', rows,
                      class_names=car_names(num_classes))
    return root


def write_cars_devkit(root: Path, num_classes=4, count=3) -> Path:
    """Write the same cars as ``cars_train``, ``cars_test`` and ``devkit``.

    The last image of each class is in ``cars_test``.
    """
    rows = dict(cars_train=[], cars_test=[])
    for class_id in range(num_classes, 0, -1):
        for index in range(count):
            folder = 'cars_test' if index == count - 1 else 'cars_train'
            name = f'{len(rows[folder]) + 1:05d}.jpg'
            rows[folder].append((name, class_id))
            write_image(root / folder / name, class_id, index)
    write_annotations(root / 'devkit/cars_train_annos.mat', 'fname', rows['cars_train'])
    write_annotations(root / 'devkit/cars_test_annos_withlabels.mat', 'fname', rows['cars_test'])
    write_mat(root / 'devkit/cars_meta.mat', class_names=car_names(num_classes))
    return root


def write_products(root: Path, num_classes=2, count=3) -> Path:
    """Write ``Ebay_train.txt`` and ``Ebay_test.txt`` with ``num_classes`` classes each."""
    number = 0
    for split, first in (('train', 1), ('test', num_classes + 1)):
        lines = ['image_id class_id super_class_id path']
        for class_id in range(first, first + num_classes):
            for index in range(count):
                path = f'sofa_final/1100{class_id}_{index}.JPG'
                number += 1
                lines.append(f'{number} {class_id} 1 {path}')
                write_image(root / path, class_id, index)
        (root / f'Ebay_{split}.txt').write_text('\n'.join(lines) + '\n')
    return root


LAYOUTS = dict(cub=write_cub, cars=write_cars, cars_devkit=write_cars_devkit,
               products=write_products)
