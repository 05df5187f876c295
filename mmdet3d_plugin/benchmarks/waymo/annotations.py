"""Annotation files of converted Waymo segments."""
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np

from ...errors import InputError
from ...utils.files import shortened
from ...utils.json_files import read_json
from ..kitti.labels import LIMIT
from .frames import is_rigid
from .objects import TYPES, WaymoObjects

FORMAT = 1  # version of the files
MAX_BYTES = 1 << 26  # the annotations of a segment have about 5 MB
KINDS = dict(settings=dict, segment=str, split=str, rank=int, cam2img=list, size=list,
             optical_from_vehicle=list, dropped=dict, frames=list)
FRAME_KINDS = dict(frame=str, timestamp=int, listed=bool, objects=list)


def read_annotations(path: Path) -> dict:
    """Read the annotation file of a segment, and check all values that are used.

    Returns:
        The content that :func:`~.converter.convert_segment` writes.

    Raises:
        InputError: the file is missing, is not JSON, has another format, or has malformed or
            impossible values.
    """
    content = read_json(path, 'no such annotations; run tools/create_data.py waymo', MAX_BYTES)
    if not isinstance(content, dict) or content.get('format') != FORMAT:
        raise InputError(f'{path}: not an annotation file of format {FORMAT}; convert again')
    try:
        _check(content)
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(f'{path}: malformed annotations ({type(error).__name__}: '
                         f'{shortened(str(error))}); remove it and convert again') from error
    return content


def _check(content: dict) -> None:
    """Check the values of a file.

    Raises:
        LookupError, TypeError, ValueError: a value is missing, or is malformed or impossible.
    """
    _check_kinds(content, KINDS)
    frames: List[dict] = content['frames']
    for frame in frames:
        _check_kinds(frame, FRAME_KINDS)
    if len({frame['frame'] for frame in frames}) < len(frames):
        raise ValueError('two frames of one name')
    for count in content['dropped'].values():
        _check_kinds(dict(dropped=count), dict(dropped=int))
    _numbers('timestamp', [frame['timestamp'] for frame in frames], (len(frames), ), 0,
             np.iinfo(np.int64).max)
    _numbers('size', content['size'], (2, ), 1, LIMIT, whole=True)
    camera = _numbers('cam2img', content['cam2img'], (4, 4))
    if camera[0, 0] <= 0 or camera[1, 1] <= 0 or camera[2:].tolist() != np.eye(4)[2:].tolist():
        raise ValueError('cam2img is no camera matrix')
    if not is_rigid(_numbers('optical_from_vehicle', content['optical_from_vehicle'], (4, 4))):
        raise ValueError('optical_from_vehicle is no rotation and translation')
    _check_objects([item for frame in frames for item in frame['objects']])


def _check_objects(objects: List[dict]) -> None:
    count = len(objects)
    unknown = [item['type'] for item in objects if item['type'] not in TYPES]
    if unknown:
        raise ValueError(f'unknown type {unknown[0]}')
    for key in ('box', 'camera_box'):
        boxes = _numbers(key, [item[key] for item in objects], (count, 7))
        if (boxes[:, 3:6] <= 0).any():
            raise ValueError(f'{key} has a side that is not positive')
    boxes_2d = [item['box_2d'] for item in objects if item['box_2d'] is not None]
    boxes = _numbers('box_2d', boxes_2d, (len(boxes_2d), 4))
    if (boxes[:, 2:] < boxes[:, :2]).any():
        raise ValueError('box_2d has a negative side')
    for key, largest in (('num_points', np.iinfo(np.int32).max), ('difficulty', 2)):
        _numbers(key, [item[key] for item in objects], (count, ), 0, largest, whole=True)


def _check_kinds(entries: Any, kinds: Dict[str, type]) -> None:
    for key, kind in kinds.items():
        if type(entries[key]) is not kind:
            raise TypeError(f'{key} is no {kind.__name__}')


def _numbers(key: str, values: list, shape: Tuple[int, ...], low: float = -LIMIT,
             high: float = LIMIT, whole: bool = False) -> np.ndarray:
    """Return values as an array after a check of their type, shape and range."""
    array = np.asarray(values)
    if array.size == 0:
        array = np.zeros((0, *shape[1:]), dtype=int)
    if (array.shape != shape or array.dtype.kind not in ('iu' if whole else 'iuf')
            or not ((array >= low) & (array <= high)).all()):
        raise ValueError(f'{key} is no list of {"whole " if whole else ""}numbers from {low:g} to '
                         f'{high:g} of shape {shape}')
    return array


def frame_labels(content: dict, frame: dict) -> WaymoObjects:
    """Return all labels of a frame, including objects outside the camera's image.

    Args:
        content: result of :func:`read_annotations`.
        frame: one entry of ``content['frames']``.
    """
    objects = frame['objects']
    return WaymoObjects(
        segments=np.full(len(objects), content['segment']),
        timestamps=np.full(len(objects), frame['timestamp'], dtype=np.int64),
        types=np.array([TYPES[item['type']] for item in objects], dtype=np.int64),
        boxes=np.array([item['box'] for item in objects], dtype=np.float64).reshape(-1, 7),
        camera_boxes=np.array([item['camera_box'] for item in objects],
                              dtype=np.float64).reshape(-1, 7),
        num_points=np.array([item['num_points'] for item in objects], dtype=np.int64),
        difficulties=np.array([item['difficulty'] for item in objects], dtype=np.int64),
        in_front=np.array([item['box_2d'] is not None for item in objects], dtype=bool))
