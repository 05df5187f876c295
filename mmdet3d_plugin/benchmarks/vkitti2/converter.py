"""Conversion of Virtual KITTI 2 to KITTI's layout.

A scene under one condition is a folder, such as ``Scene01/clone``, with text files whose first
line names the columns, and with images:

- ``intrinsic.txt``: camera matrix per frame and camera.
- ``info.txt``: class per track.
- ``bbox.txt``: 2D box, truncation and visible share per frame, camera and track.
- ``pose.txt``: 3D box per frame, camera and track. ``camera_space_X``, ``_Y`` and ``_Z`` are the
  centre of the bottom face, and ``rotation_camera_space_y`` is KITTI's ``rotation_y``.
- ``frames/rgb/Camera_0/rgb_00000.jpg``.
"""
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from ...errors import InputError
from ...structures.box_labels import in_image, projection_matrix
from ...structures.object_table import ObjectTable
from ...utils.files import has_file, read_text, shortened
from ...utils.images import image_size
from ..kitti.labels import LIMIT
from ..kitti.set_writer import ConvertedFrame

CAMERA = '0'  # left
RESTORE = 'unpack vkitti_2.0.3_textgt.tar.gz again'
# Smallest visible shares of the occlusion levels 0 and 1. Smaller ones are level 2.
VISIBLE_SHARES = (.8, .4)
BOX = ('left', 'top', 'right', 'bottom')
SIZE = ('height', 'width', 'length')
LOCATION = ('camera_space_X', 'camera_space_Y', 'camera_space_Z')
YAW = 'rotation_camera_space_y'
KEYS = ('frame', 'cameraID', 'trackID')

Row = Dict[str, str]


def convert_vkitti2(root: Path, conditions: Optional[Sequence[str]] = None,
                    val_scenes: Optional[Sequence[str]] = None) -> Iterator[ConvertedFrame]:
    """Yield the frames of all scenes, for :func:`~..kitti.set_writer.write_kitti_set`.

    Args:
        root: folder with ``Scene01`` and so on.
        conditions: names of conditions, such as ``clone``; by default all.
        val_scenes: scenes for validation; by default the last one. All others are for training.

    Raises:
        InputError: a file is missing or malformed, or no scene is left for a split.
    """
    scenes = sorted(path.name for path in Path(root).glob('Scene*') if path.is_dir())
    if not scenes:
        raise InputError(f'{root}: holds no folder Scene01 or similar; unpack '
                         'vkitti_2.0.3_rgb.tar and vkitti_2.0.3_textgt.tar.gz there')
    val = list(val_scenes or scenes[-1:])
    unknown = next((name for name in val if name not in scenes), None)
    if unknown or set(val) == set(scenes):
        what = f'has no {unknown}' if unknown else 'has no scene besides those for validation'
        raise InputError(f'{root}: {what}; the scenes are {", ".join(scenes)}, choose others with '
                         '--val-scenes')
    found = {path.parent.name for scene in scenes for path in Path(root, scene).glob('*/pose.txt')}
    absent = next((name for name in conditions or () if name not in found), None)
    if absent:
        raise InputError(f'{root}: no scene has the condition {shortened(absent)}; {RESTORE}, or '
                         f'choose some of {", ".join(sorted(found))} with --conditions')
    for scene in scenes:
        folders = sorted(path.parent for path in Path(root, scene).glob('*/pose.txt')
                         if not conditions or path.parent.name in conditions)
        if not folders:
            raise InputError(f'{Path(root, scene)}: holds no pose.txt of the wanted conditions; '
                             f'{RESTORE}, or choose others with --conditions')
        for folder in folders:
            yield from _frames(folder, f'{scene}/{folder.name}',
                               'val' if scene in val else 'train')


def _frames(folder: Path, name: str, split: str) -> Iterator[ConvertedFrame]:
    """Yield the frames of a scene under one condition."""
    classes = {row['trackID']: row['label'] for _, row in _rows(folder / 'info.txt',
                                                                ('trackID', 'label'))}
    poses = _by_key(folder / 'pose.txt', (*KEYS, *SIZE, *LOCATION, YAW, 'alpha'))
    boxes: Dict[str, List[Tuple[int, Row]]] = {}
    for number, row in _rows(folder / 'bbox.txt', (*KEYS, *BOX, 'truncation_ratio',
                                                   'occupancy_ratio')):
        if row['cameraID'] == CAMERA:
            boxes.setdefault(row['frame'], []).append((number, row))
    for number, row in _rows(folder / 'intrinsic.txt', (
            'frame', 'cameraID', 'K[0,0]', 'K[1,1]', 'K[0,2]', 'K[1,2]')):
        if row['cameraID'] != CAMERA:
            continue
        place = f'{folder / "intrinsic.txt"}:{number}'
        frame = int(_number(place, row, 'frame'))
        image = folder / f'frames/rgb/Camera_{CAMERA}/rgb_{frame:05d}.jpg'
        if not has_file(image):
            raise InputError(f'{image}: no such image; unpack vkitti_2.0.3_rgb.tar into the same '
                             'folder')
        fx, fy, cx, cy = (_number(place, row, key)
                          for key in ('K[0,0]', 'K[1,1]', 'K[0,2]', 'K[1,2]'))
        objects = _objects(folder, boxes.pop(row['frame'], ()), poses, classes)
        objects.boxes_2d = objects.boxes_2d.clip(0, np.tile(image_size(image), 2))
        shown = in_image(objects)
        converted = ConvertedFrame(
            split, f'{name}/{frame:05d}', image, '.jpg',
            projection_matrix(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])), objects[shown])
        converted.dropped['objects without an area in the image'] += int((~shown).sum())
        yield converted
    if boxes:
        absent, rows = next(iter(boxes.items()))
        raise InputError(f'{folder / "bbox.txt"}:{rows[0][0]}: frame {absent} has no camera in '
                         f'intrinsic.txt; {RESTORE}')


def _objects(folder: Path, boxes: Sequence[Tuple[int, Row]], poses: Dict[tuple, tuple],
             classes: Dict[str, str]) -> ObjectTable:
    names, numbers = [], []
    for line, box in boxes:
        place = f'{folder / "bbox.txt"}:{line}'
        key = tuple(box[key] for key in KEYS)
        if key not in poses or box['trackID'] not in classes:
            other = 'info.txt' if key in poses else 'pose.txt'
            raise InputError(f'{place}: track {box["trackID"]} of frame {box["frame"]} is not in '
                             f'{other}; {RESTORE}')
        pose_line, pose = poses[key]
        names.append(classes[box['trackID']])
        truncation, visible = (_number(place, box, key)
                               for key in ('truncation_ratio', 'occupancy_ratio'))
        level = sum(visible < share for share in VISIBLE_SHARES)
        pose_place = f'{folder / "pose.txt"}:{pose_line}'
        numbers.append([truncation, level, _number(pose_place, pose, 'alpha'),
                        *(_number(place, box, key) for key in BOX),
                        *(_number(pose_place, pose, key) for key in (*SIZE, *LOCATION, YAW))])
    return ObjectTable.from_table(names, np.array(numbers).reshape(-1, 14))


def _by_key(path: Path, needed: Sequence[str]) -> Dict[tuple, Tuple[int, Row]]:
    return {tuple(row[key] for key in KEYS): (number, row) for number, row in _rows(path, needed)}


def _rows(path: Path, needed: Sequence[str]) -> Iterator[Tuple[int, Row]]:
    """Yield (line number from 1, fields by column) of a file that starts with its columns.

    Further fields at the end of a line are ignored.
    """
    lines = read_text(path, f'no such file; {RESTORE}').splitlines()
    columns = lines[0].split() if lines else []
    absent = [name for name in needed if name not in columns]
    if absent:
        raise InputError(f'{path}:1: has no column {absent[0]}; {RESTORE}')
    for number, line in enumerate(lines[1:], start=2):
        fields = line.split()
        if fields and len(fields) < len(columns):
            raise InputError(f'{path}:{number}: {len(fields)} fields, expected {len(columns)}; '
                             f'{RESTORE}')
        if fields:
            yield number, dict(zip(columns, fields))


def _number(place: str, row: Row, key: str) -> float:
    try:
        value = float(row[key])
    except ValueError:
        value = np.nan
    if not abs(value) <= LIMIT:  # NaN too
        raise InputError(f'{place}: {key} is {shortened(row[key])}, expected a finite number; '
                         f'{RESTORE}')
    return value
