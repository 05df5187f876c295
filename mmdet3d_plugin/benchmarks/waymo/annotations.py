"""Annotation files of converted Waymo segments."""
import json
from pathlib import Path

import numpy as np

from ...errors import InputError
from .objects import TYPES, WaymoObjects

FORMAT = 1  # version of the files
NEEDED = {'settings', 'segment', 'split', 'rank', 'cam2img', 'size', 'optical_from_vehicle',
          'dropped', 'frames'}


def read_annotations(path: Path) -> dict:
    """Read the annotation file of a segment.

    Returns:
        The content that :func:`~.converter.convert_segment` writes.

    Raises:
        InputError: the file is missing, is not JSON, or has another format.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        raise InputError(f'{path}: no such annotations; run tools/create_data.py waymo') from None
    except (OSError, ValueError) as error:
        raise InputError(f'{path}: not readable JSON; remove it and convert again') from error
    if (not isinstance(content, dict) or content.get('format') != FORMAT
            or not content.keys() >= NEEDED):
        raise InputError(f'{path}: not an annotation file of format {FORMAT}; convert again')
    return content


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
