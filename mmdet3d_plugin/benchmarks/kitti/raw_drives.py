"""KITTI's raw drives, as far as the lists of Eigen's split name them."""
from pathlib import Path
from typing import Dict, Tuple, Union

import numpy as np

from ...errors import InputError
from .calibration import read_calibration

# Line of calib_cam_to_cam.txt by the folder of the image: left and right colour camera.
PROJECTIONS = dict(image_02='P_rect_02', image_03='P_rect_03')


class RawCameras:
    """Cameras of raw images; a date's ``calib_cam_to_cam.txt`` is read once.

    Args:
        folder: of the dates.
    """

    def __init__(self, folder: Union[str, Path]) -> None:
        self.folder = Path(folder)
        self._known: Dict[Tuple[str, str], np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        """(4, 4) projection, camera frame to pixels, of the camera of an image or frame.

        Raises:
            InputError: the name is not that of a raw image, or there is no valid calibration.
        """
        parts = name.split('/')
        if len(parts) != 5 or parts[2] not in PROJECTIONS:
            raise InputError(f'{name}: is no image of the raw data, expected '
                             'DATE/DRIVE/image_02/data/N.png; mend the split')
        key = date, camera = parts[0], parts[2]
        if key not in self._known:
            self._known[key] = read_calibration(self.folder / date / 'calib_cam_to_cam.txt',
                                                PROJECTIONS[camera]).cam2img
        return self._known[key].copy()
