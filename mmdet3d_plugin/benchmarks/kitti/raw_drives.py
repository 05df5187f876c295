"""Cameras of the images in KITTI's raw drives, which Eigen's split names."""
from pathlib import Path
from typing import Dict, Tuple, Union

import numpy as np

from ...errors import InputError
from .calibration import read_calibration

# Line of calib_cam_to_cam.txt by image folder: left and right colour camera.
PROJECTIONS = dict(image_02='P_rect_02', image_03='P_rect_03')


class RawCameras:
    """Projection matrices by image name.

    The ``calib_cam_to_cam.txt`` of each date is read once.

    Args:
        folder: folder of the raw data, which holds one folder per date.
    """

    def __init__(self, folder: Union[str, Path]) -> None:
        self.folder = Path(folder)
        self._known: Dict[Tuple[str, str], np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        """Return the (4, 4) projection of an image's camera, camera frame to pixels.

        Args:
            name: ``DATE/DRIVE/image_02/data/N.png``; ``image_03`` for the right camera. The
                suffix may be missing.

        Raises:
            InputError: the name has another form, or the date has no valid calibration.
        """
        parts = name.split('/')
        if len(parts) != 5 or parts[2] not in PROJECTIONS:
            raise InputError(f'{name}: is no image of the raw data, expected '
                             'DATE/DRIVE/image_02/data/N.png; correct the split')
        key = date, camera = parts[0], parts[2]
        if key not in self._known:
            self._known[key] = read_calibration(self.folder / date / 'calib_cam_to_cam.txt',
                                                PROJECTIONS[camera]).cam2img
        return self._known[key].copy()
