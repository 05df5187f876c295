"""DAIR-V2X-I: ``single-infrastructure-side`` of DAIR-V2X.

- ``image/NAME.jpg``.
- ``label/camera/NAME.json``: list of objects. ``3d_location`` is the centre of the box and
  ``rotation`` the heading about z, both in the frame of the virtual LiDAR, whose z axis is the
  normal of the ground.
- ``calib/camera_intrinsic/NAME.json``: ``cam_K``, the matrix of the images as they are.
- ``calib/virtuallidar_to_camera/NAME.json``: ``rotation`` and ``translation``.
- ``single-infrastructure-split-data.json``: lists ``train`` and ``val`` of names.
"""
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

import numpy as np

from ...errors import InputError
from ...structures.object_table import DONT_CARE, ObjectTable
from ...utils.files import inner_names, is_inner_name, shortened
from ...utils.images import ImageFolder
from ...utils.json_files import read_json
from ..kitti.labels import LIMIT, MAX_NAME
from .frames import RoadsideFrame

SPLIT_FILE = 'single-infrastructure-split-data.json'
SPLITS = ('train', 'val')
MAX_BYTES = 1 << 24
RESTORE = 'restore the file'


def dair_frames(root: Path, split_file: Optional[Path] = None) -> Iterator[RoadsideFrame]:
    """Yield the labelled frames of the splits train and val.

    Args:
        root: folder ``single-infrastructure-side``.
        split_file: official split file; by default :data:`SPLIT_FILE` in ``root``.

    Raises:
        InputError: a file is missing or malformed.
    """
    images = ImageFolder(root / 'image')
    labelled = set(inner_names(root / 'label/camera', ['.json']))
    if not labelled:
        raise InputError(f'{root / "label/camera"}: holds no labels; give the folder '
                         'single-infrastructure-side as --root')
    path = split_file or root / SPLIT_FILE
    for split, names in _splits(path).items():
        # Samples of the data set contain a part of the frames of its split file.
        found = [name for name in names if name in labelled]
        if not found:
            raise InputError(f'{path}: none of the {len(names)} frames of "{split}" has a label '
                             f'in {root / "label/camera"}; add labels, or name other frames, such '
                             f'as {min(labelled)}, in a copy of this file (--split-data)')
        for name in found:
            yield _frame(root, images, split, name)


def _splits(path: Path) -> Dict[str, List[str]]:
    content = read_json(path, "no such file; copy DAIR-V2X's split file there, or give it with "
                        '--split-data', MAX_BYTES)
    for split in SPLITS:
        names = content.get(split) if isinstance(content, dict) else None
        if not isinstance(names, list) or not all(isinstance(name, str) and is_inner_name(name)
                                                  for name in names):
            raise InputError(f'{path}: has no list "{split}" of frame names; {RESTORE}')
    return {split: content[split] for split in SPLITS}


def _frame(root: Path, images: ImageFolder, split: str, name: str) -> RoadsideFrame:
    camera = _matrix(root / f'calib/camera_intrinsic/{name}.json', 'cam_K', (3, 3))
    extrinsic = root / f'calib/virtuallidar_to_camera/{name}.json'
    rotation = _matrix(extrinsic, 'rotation', (3, 3))
    translation = _matrix(extrinsic, 'translation', (3, ))
    if camera[0, 0] <= 0 or camera[1, 1] <= 0 or camera[2].tolist() != [0, 0, 1]:
        raise InputError(f'{root / "calib/camera_intrinsic" / name}.json: cam_K is no camera '
                         f'matrix; {RESTORE}')
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > .01:
        raise InputError(f'{extrinsic}: rotation is no rotation matrix; {RESTORE}')
    path = root / f'label/camera/{name}.json'
    items = read_json(path, f'no such label file; {RESTORE}', MAX_BYTES)
    if not isinstance(items, list):
        raise InputError(f'{path}: is no list of objects; {RESTORE}')
    rows = [_object(f'{path}: object {index}', item) for index, item in enumerate(items)]
    numbers = np.array([row[1:] for row in rows], dtype=np.float64).reshape(-1, 12)
    bottoms, angles = numbers[:, 8:11], numbers[:, 11]
    bottoms[:, 2] -= numbers[:, 5] / 2
    flat = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(len(rows))])
    objects = ObjectTable.from_table(
        [row[0] for row in rows], np.column_stack([
            np.zeros(len(rows)), numbers[:, 0], np.zeros(len(rows)), numbers[:, 1:8],
            bottoms @ rotation.T + translation, np.zeros(len(rows))]).reshape(-1, 14))
    objects.names = np.where((objects.sizes_hwl > 0).all(axis=1), objects.names, DONT_CARE)
    return RoadsideFrame(split, name, images.find(name), camera, rotation[:, 2], extrinsic,
                         objects, flat @ rotation.T)


def _matrix(path: Path, key: str, shape: Sequence[int]) -> np.ndarray:
    content = read_json(path, f'no such calibration; {RESTORE}', MAX_BYTES)
    value = content.get(key) if isinstance(content, dict) else None
    try:
        matrix = np.array(value, dtype=np.float64).reshape(shape)
    except (TypeError, ValueError):
        matrix = np.full(shape, np.nan)
    if not (np.abs(matrix) <= LIMIT).all():  # NaN too
        raise InputError(f'{path}: {key} is {shortened(value)}, expected {np.prod(shape)} finite '
                         f'numbers; {RESTORE}')
    return matrix


def _object(place: str, item: Any) -> tuple:
    """Return class, occlusion, 2D box, (h, w, l), centre in the LiDAR frame, and heading."""
    name = item.get('type') if isinstance(item, dict) else None
    if (not isinstance(name, str) or name.split() != [name] or len(name) > MAX_NAME
            or not name.isprintable()):
        raise InputError(f'{place}: type is {shortened(name)}, expected a class name; {RESTORE}')
    occlusion = _number(place, item, 'occluded_state')
    if occlusion not in (0, 1, 2, 3):
        raise InputError(f'{place}: occluded_state is {occlusion:g}, expected 0 to 3; {RESTORE}')
    groups = (('2d_box', ('xmin', 'ymin', 'xmax', 'ymax')), ('3d_dimensions', ('h', 'w', 'l')),
              ('3d_location', ('x', 'y', 'z')))
    values = [_number(f'{place}: {group}', item.get(group), key)
              for group, keys in groups for key in keys]
    return (name, occlusion, *values, _number(place, item, 'rotation'))


def _number(place: str, entries: Any, key: str) -> float:
    """Return a number, which may be written as text."""
    value: Any = entries.get(key) if isinstance(entries, dict) else None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not abs(number) <= LIMIT:
        raise InputError(f'{place}: {key} is {shortened(value)}, expected a finite number; '
                         f'{RESTORE}')
    return number
