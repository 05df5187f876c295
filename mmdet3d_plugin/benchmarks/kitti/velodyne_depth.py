"""Depth maps from the LiDAR scans of KITTI's raw drives, the ground truth of Eigen's split."""
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Tuple, Union

import numpy as np

from ...errors import InputError
from ...utils.files import has_file, read_bytes
from .calibration import LIMIT, read_matrix

PathLike = Union[str, Path]
POINT_BYTES = 16  # float32 x, y, z and reflectance
MAX_SCAN_BYTES = 1 << 26  # a scan of the sensor has about 2 MB
RESTORE = "restore the file from KITTI's calibration archive"


@dataclass(frozen=True)
class VelodyneDepth:
    """Reader of the depth map of an image from the scan of the same moment.

    It holds plain values only and opens the scan for each read. ``LoadDepthMap`` uses it as
    the ``depth_reader`` of a sample.

    Attributes:
        scan: file of the scan.
        scanner2cam: (4, 4) from the scanner's frame to the rectified camera frame, as rows.
        cam2img: (4, 4) from the rectified camera frame to pixels, as rows.
        size: (width, height) of the image, pixels.

    Example:
        A point 10 m ahead of the scanner (x is forward there) is 9.7 m in front of a camera
        that is mounted 0.3 m further ahead:

        >>> import tempfile
        >>> scanner2cam = ((0, -1, 0, 0), (0, 0, -1, 0), (1, 0, 0, -.3), (0, 0, 0, 1))
        >>> cam2img = ((100, 0, 3, 0), (0, 100, 2, 0), (0, 0, 1, 0), (0, 0, 0, 1))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.array([[10, 0, 0, .5]], '<f4').tofile(f'{folder}/0.bin')
        ...     depth = VelodyneDepth(f'{folder}/0.bin', scanner2cam, cam2img, (6, 4)
        ...                           ).read_depth_map()
        >>> depth.shape, round(depth[2, 3].item(), 4), int((depth > 0).sum())
        ((4, 6), 9.7, 1)
    """
    scan: PathLike
    scanner2cam: Tuple[Tuple[float, ...], ...]
    cam2img: Tuple[Tuple[float, ...], ...]
    size: Tuple[int, int]

    def __str__(self) -> str:
        return str(self.scan)

    def read_depth_map(self) -> np.ndarray:
        """Read the scan and project it.

        Returns:
            (H, W) float32, depth in the camera frame, metres, 0 where no point is.

        Raises:
            InputError: the scan is missing or malformed.
        """
        return project_scan(read_scan(self.scan), np.array(self.scanner2cam, np.float64),
                            np.array(self.cam2img, np.float64), self.size)


class RawScanners:
    """Transformations from the scanner's frame to the rectified camera frame, by date.

    The ``calib_velo_to_cam.txt`` and the line ``R_rect_00`` of ``calib_cam_to_cam.txt`` of each
    date are read once. All cameras share the rectified frame; their projections include their
    offsets.

    Args:
        folder: folder of the raw data, which holds one folder per date.
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = Path(folder)
        self._known: Dict[str, np.ndarray] = {}

    def __getitem__(self, date: str) -> np.ndarray:
        """Return the (4, 4) transformation of a date.

        Raises:
            InputError: a calibration file is missing or malformed.
        """
        if date not in self._known:
            self._known[date] = read_scanner_calibration(self.folder / date)
        return self._known[date].copy()


def read_scanner_calibration(folder: PathLike) -> np.ndarray:
    """Read the position of the scanner.

    Args:
        folder: folder of a date, with ``calib_velo_to_cam.txt`` and ``calib_cam_to_cam.txt``.

    Returns:
        (4, 4) float64, from the scanner's frame (x forward, y left, z up) to the rectified
        camera frame (x right, y down, z forward), metres.

    Raises:
        InputError: a file is missing or malformed, or its rotation is none.
    """
    scanner, cameras = (Path(folder, name) for name in
                        ('calib_velo_to_cam.txt', 'calib_cam_to_cam.txt'))
    translation = read_matrix(scanner, 'T', (3, ))
    if not (np.abs(translation) <= LIMIT).all():  # NaN too
        raise InputError(f"{scanner}: 'T:' has a value that is not finite or beyond {LIMIT:g}; "
                         f'{RESTORE}')
    rigid, rectification = np.eye(4), np.eye(4)
    rigid[:3, :3], rigid[:3, 3] = _rotation(scanner, 'R'), translation
    rectification[:3, :3] = _rotation(cameras, 'R_rect_00')
    return rectification @ rigid


def _rotation(path: Path, name: str) -> np.ndarray:
    """Read a (3, 3) rotation."""
    rotation = read_matrix(path, name, (3, 3))
    if not ((np.abs(rotation) < 1.1).all()  # before the product, which may overflow
            and np.allclose(rotation @ rotation.T, np.eye(3), rtol=0, atol=1e-3)
            and np.linalg.det(rotation) > 0):
        raise InputError(f"{path}: '{name}:' is no rotation; {RESTORE}")
    return rotation


def scan_problem(path: PathLike) -> str:
    """Return the problem of a scan's file that its size shows, or an empty text."""
    try:
        if not has_file(path):
            return f"{path}: no such scan; unpack the drive's velodyne_points"
    except InputError as error:
        return str(error)
    size = os.path.getsize(path)
    if size == 0 or size % POINT_BYTES:
        return (f'{path}: has {size} bytes, not a positive multiple of {POINT_BYTES}, so it is '
                'cut off or no scan; restore the file')
    if size > MAX_SCAN_BYTES:
        return (f'{path}: has {size >> 20} MB, expected at most {MAX_SCAN_BYTES >> 20} MB per '
                'scan; restore the file')
    return ''


def read_scan(path: PathLike) -> np.ndarray:
    """Read a LiDAR scan.

    Args:
        path: ``.bin`` file of float32 values.

    Returns:
        (N, 4) float32: x forward, y left, z up in metres, and reflectance in [0, 1].

    Raises:
        InputError: the file is missing, cut off, too large, or has values that are not finite.
    """
    problem = scan_problem(path)
    if problem:
        raise InputError(problem)
    try:
        content = read_bytes(path, 'no such scan', MAX_SCAN_BYTES)
        points = np.frombuffer(content, dtype='<f4').reshape(-1, 4)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f'{path}: not a readable scan ({error}); restore the file') from None
    if not np.isfinite(points).all():
        raise InputError(f'{path}: holds values that are not finite; restore the file')
    return points


def project_scan(points: np.ndarray, scanner2cam: np.ndarray, cam2img: np.ndarray,
                 size: Tuple[int, int]) -> np.ndarray:
    """Return the depth map of an image: the nearest point in front of the camera per pixel.

    Args:
        points: (N, 3 or more) scanner's frame, metres. Further columns are ignored.
        scanner2cam: (4, 4) from the scanner's frame to the camera frame.
        cam2img: (3 or 4, 4) from the camera frame to pixels. The divisor is z + cam2img[2, 3].
        size: (width, height) of the image, pixels.

    Returns:
        (H, W) float32, z in the camera frame, metres, 0 where no point is.

    Example:
        The nearer one of two points on the optical axis; a point behind the camera:

        >>> cam2img = np.diag([100., 100., 1.])[:, [0, 1, 2, 2]] * [1, 1, 1, 0]
        >>> cam2img[:2, 2] = 1.5
        >>> project_scan(np.array([[0, 0, 8.], [0, 0, 5.], [0, 0, -2.]]), np.eye(4), cam2img,
        ...              (3, 3)).tolist()
        [[0.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 0.0]]
    """
    width, height = size
    xyz = points[:, :3].astype(np.float64) @ scanner2cam[:3, :3].T + scanner2cam[:3, 3]
    homogeneous = xyz @ cam2img[:3, :3].T + cam2img[:3, 3]
    in_front = (xyz[:, 2] > 0) & (homogeneous[:, 2] > 0)
    z, homogeneous = xyz[in_front, 2], homogeneous[in_front]
    with np.errstate(over='ignore'):
        uv = np.floor(homogeneous[:, :2] / homogeneous[:, 2:])
    inside = ((uv >= 0) & (uv < (width, height))).all(axis=1)
    columns, rows = uv[inside].astype(np.int64).T
    nearest = np.full((height, width), np.inf)
    np.minimum.at(nearest, (rows, columns), z[inside])
    return np.where(np.isfinite(nearest), nearest, 0).astype(np.float32)
