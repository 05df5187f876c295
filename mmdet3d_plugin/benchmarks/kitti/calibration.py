"""KITTI calibration files: one named matrix per line, row by row."""
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple, Union

import numpy as np

from ...errors import InputError
from ...utils.files import atomic_write, read_text

CAMERAS = ('P0', 'P1', 'P2', 'P3')  # left and right grey camera, left and right colour camera
RESTORE = "correct the file, or restore it from KITTI's calibration archive"
LIMIT = 1e6  # largest value of a matrix; pixels, in the last column pixels times metres


@dataclass
class KittiCalibration:
    """A camera of a calibration file.

    Attributes:
        P2: (3, 4) float64, projects homogeneous points of the rectified camera
            frame (metres) to pixels of the camera's image. It is the left colour camera unless
            another one is asked for.
    """
    P2: np.ndarray

    @property
    def cam2img(self) -> np.ndarray:
        """(4, 4) P2 with the row (0, 0, 0, 1) below, as mmdet3d stores it."""
        return np.vstack([self.P2, [0., 0., 0., 1.]])


def read_calibration(path: Union[str, Path], name: str = 'P2') -> KittiCalibration:
    """Read the projection matrix of a camera.

    Args:
        path: calibration file.
        name: name of the line. One of :data:`CAMERAS` in files of the object benchmark;
            ``'P_rect_02'`` (left camera) or ``'P_rect_03'`` (right camera) in the raw data's
            ``calib_cam_to_cam.txt``.

    Raises:
        InputError: the file is missing or not text, has no line of that name, or the line
            is not a camera matrix.

    Example:
        >>> import tempfile
        >>> P2 = np.array([[721.5, 0., 609.6, 44.9], [0., 721.5, 172.9, .2], [0., 0., 1., 0.]])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_calibration(f'{folder}/000000.txt', KittiCalibration(P2))
        ...     read_calibration(f'{folder}/000000.txt').P2[0]
        array([721.5,   0. , 609.6,  44.9])
    """
    P2 = read_matrix(path, name, (3, 4))
    if not (np.abs(P2) <= LIMIT).all() or P2[0, 0] <= 0 or P2[1, 1] <= 0:  # NaN too
        raise InputError(f"{path}: '{name}:' is not a camera matrix (a focal length is not "
                         f"positive, or a value is not finite or beyond {LIMIT:g}); {RESTORE}")
    if not np.allclose(P2[2, :3], [0, 0, 1], rtol=0, atol=1e-6):
        raise InputError(f"{path}: '{name}:' is not a projection (its last row starts with "
                         f"{' '.join(f'{value:g}' for value in P2[2, :3])}, not 0 0 1); {RESTORE}")
    return KittiCalibration(P2)


def read_matrix(path: Union[str, Path], name: str, shape: Tuple[int, ...]) -> np.ndarray:
    r"""Read one line of a calibration file. Its values are not checked.

    Blanks around the name are ignored.

    Args:
        path: calibration file.
        name: name of the line, without colon.
        shape: shape of the matrix, stored row by row.

    Raises:
        InputError: the file is missing or not text, has no line of that name, or the line has
            another number of fields or a field that is no number.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, 'calib_velo_to_cam.txt').write_text('R: 1 0 0\nT: 0 -0.1 -0.3')
        ...     read_matrix(f'{folder}/calib_velo_to_cam.txt', 'T', (3, ))
        array([ 0. , -0.1, -0.3])
    """
    lines = read_text(path, 'no such file; every frame of the split needs a calibration'
                      ).splitlines()
    rows: Dict[str, List[str]] = {}
    for line in lines:
        key, colon, content = line.partition(':')
        if colon:
            rows.setdefault(key.strip(), content.split())
    if name not in rows:
        others = [camera for camera in CAMERAS if camera in rows]
        hint = (f', or choose a camera that it has ({", ".join(others)}) with --camera or camera='
                if others and name in CAMERAS else '')
        raise InputError(f"{path}: no '{name}:' line; {RESTORE}{hint}")
    values = rows[name]
    try:
        return np.array(values, dtype=np.float64).reshape(shape)
    except ValueError:
        raise InputError(f"{path}: '{name}:' needs {np.prod(shape)} numbers, got {len(values)} "
                         f'fields; {RESTORE}') from None


def write_calibration(path: Union[str, Path], calibration: KittiCalibration) -> None:
    """Write a calibration file with all lines of the object benchmark.

    ``P0``, ``P1`` and ``P3`` repeat ``P2``. Rotations and extrinsics are identities.

    Args:
        path: the file to write.
        calibration: the colour camera.

    Raises:
        InputError: the folder cannot be written.
    """
    P2 = calibration.P2.ravel()
    rotation, rigid = np.eye(3).ravel(), np.eye(3, 4).ravel()
    rows = [('P0', P2), ('P1', P2), ('P2', P2), ('P3', P2), ('R0_rect', rotation),
            ('Tr_velo_to_cam', rigid), ('Tr_imu_to_velo', rigid)]
    atomic_write(path, ''.join(
        f'{name}: ' + ' '.join(f'{value:.12e}' for value in values) + '\n'
        for name, values in rows))
