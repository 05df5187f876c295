"""Annotation files of converted segments."""
import json
from pathlib import Path

import numpy as np

from ...errors import InputError
from .objects import TYPES, WaymoObjects

FORMAT = 1  # of the annotation files
NEEDED = {'settings', 'segment', 'split', 'rank', 'cam2img', 'size', 'optical_from_vehicle',
          'dropped', 'frames'}


def read_annotations(path: Path) -> dict:
    """A segment's annotation file.

    Raises:
        InputError: it is missing, not JSON, or of another format.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        raise InputError(f'{path}: no such annotations; run tools/create_data.py waymo') from None
    except (OSError, ValueError) as error:
        raise InputError(f'{path}: not readable JSON; remove it and convert again') from error
    if (not isinstance(content, dict) or content.get('format') != FORMAT
            or not NEEDED <= content.keys()):
        raise InputError(f'{path}: not an annotation file of format {FORMAT}; convert again')
    return content


def frame_labels(content: dict, frame: dict) -> WaymoObjects:
    """All labelled objects of a frame, those that the camera does not show included.

    Args:
        content: of :func:`read_annotations`.
        frame: one of its frames.
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
