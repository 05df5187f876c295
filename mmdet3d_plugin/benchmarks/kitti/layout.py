"""Folders of a camera in KITTI's layout."""
from pathlib import Path
from typing import Dict, Union

from ...errors import InputError
from .calibration import CAMERAS


def camera_folders(part: Union[str, Path], camera: str = 'P2') -> Dict[str, Path]:
    """Return the folders of a camera's images, labels and calibrations.

    Images of P0 are in ``image_0``, and so on. Labels are in ``label_0`` where this folder
    exists, as in sets with labels per camera (Waymo), and in ``label_2`` otherwise: KITTI's
    3D boxes are those of all cameras.

    Args:
        part: the folder ``training`` or ``testing``.
        camera: name of the projection in the calibration files.

    Returns:
        Folder by ``'img'``, ``'label'`` and ``'calib'``.

    Raises:
        InputError: there is no such camera.

    Example:
        >>> camera_folders('data/kitti/training', 'P3')['img'].as_posix()
        'data/kitti/training/image_3'
    """
    if camera not in CAMERAS:
        raise InputError(f'camera is {camera!r}, expected one of {", ".join(CAMERAS)}')
    part = Path(part)
    number = camera.removeprefix('P')
    labels = part / f'label_{number}'
    return dict(img=part / f'image_{number}', calib=part / 'calib',
                label=labels if labels.is_dir() else part / 'label_2')
