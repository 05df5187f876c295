"""Rope3D: labels and cameras in KITTI's files, and the ground plane of each frame.

- ``training`` and ``validation`` with ``label_2``, ``calib`` and ``denorm``: NAME.txt each.
- ``training-image_2a`` and so on, ``validation-image_2``: NAME.jpg. ``image_2`` in the folders
  above is read too.

``denorm`` holds the plane a x + b y + c z + d = 0 of the ground in the camera frame. Locations are
bottom centres in the camera frame. Boxes stand on the ground: the heading is the direction
(cos r, 0, -sin r) of ``rotation_y`` in the camera frame, projected onto the ground.
"""
from pathlib import Path
from typing import Dict, Iterator

import numpy as np

from ...errors import InputError
from ...structures.angles import heading_direction
from ...structures.object_table import DONT_CARE
from ...utils.files import inner_names, read_text
from ...utils.images import IMAGE_SUFFIXES
from ..kitti.calibration import read_calibration
from ..kitti.labels import read_objects
from .frames import RoadsideFrame

SPLITS = {'training': 'train', 'validation': 'val'}


def is_rope3d(root: Path) -> bool:
    """Return whether a folder has the layout of Rope3D."""
    return (root / 'training/denorm').is_dir()


def rope3d_frames(root: Path) -> Iterator[RoadsideFrame]:
    """Yield the labelled frames with an image, of training and validation.

    Args:
        root: folder with ``training`` and ``validation``.

    Raises:
        InputError: a file is missing or malformed.
    """
    for part, split in SPLITS.items():
        images = _images(root, part)
        names = inner_names(root / part / 'label_2', ['.txt'])
        found = [name for name in names if name in images]
        if not found:
            raise InputError(f'{root / part}: no label of label_2 has an image in {part}-image_2* '
                             'or image_2; unpack the images there')
        for name in found:
            yield _frame(root / part, split, name, images[name])


def _images(root: Path, part: str) -> Dict[str, Path]:
    """Return the images of all image folders of a part by the name of their frame."""
    found: Dict[str, Path] = {}
    for folder in (*sorted(root.glob(f'{part}-image_2*')), root / part / 'image_2'):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.suffix.lower() not in IMAGE_SUFFIXES:
                continue
            if path.stem in found:
                raise InputError(f'{path}: a second image of this frame, besides '
                                 f'{found[path.stem]}; keep one of them')
            found[path.stem] = path
    return found


def _frame(folder: Path, split: str, name: str, image: Path) -> RoadsideFrame:
    plane = folder / f'denorm/{name}.txt'
    objects = read_objects(folder / f'label_2/{name}.txt')
    objects.occlusions = objects.occlusions.clip(0, 3)
    objects.names = np.where((objects.sizes_hwl > 0).all(axis=1), objects.names, DONT_CARE)
    up = _ground_normal(plane)
    headings = heading_direction(objects.rotations_y)
    headings -= (headings @ up)[:, None] * up
    camera, offset = np.split(read_calibration(folder / f'calib/{name}.txt').P2, [3], axis=1)
    objects.locations += np.linalg.solve(camera, offset)[:, 0]  # to the camera's centre
    return RoadsideFrame(split, name, image, camera, up, plane, objects, headings)


def _ground_normal(path: Path) -> np.ndarray:
    """Return the unit normal of the ground that points up. y points down."""
    fields = read_text(path, 'no such ground plane; restore the file').split()
    try:
        normal = np.array(fields[:3], dtype=np.float64).reshape(3)
    except ValueError:
        normal = np.full(3, np.nan)
    length = np.linalg.norm(normal)
    if not 0 < length < np.inf or abs(normal[1]) < .01 * length:
        raise InputError(f'{path}: does not start with the normal of a ground plane below the '
                         'camera (3 numbers); restore the file')
    return -np.sign(normal[1]) * normal / length
