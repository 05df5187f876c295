"""Cameras of pictures: matrices, calibration files, focal lengths and fields of view.

The camera frame and the pixels are those of ``structures/``: x right, y down, z forward, metres;
(0, 0) is the corner of the first pixel. Calibration tools place (0, 0) at its centre. This half
pixel is ignored, as it is by KITTI's users.
"""
import re
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import cv2
import numpy as np
import yaml

from ..benchmarks.kitti.calibration import read_calibration
from ..errors import InputError
from ..utils.files import read_text, shortened

MAX_FILE = 1 << 20  # bytes of a calibration file
AUTO = 'auto'
AUTO_FOCAL = 0.8  # guess of the focal length, relative to the longer side of the image
THREE_WAYS = ('give it as camera= (a matrix or a calibration file), focal= (pixels) or fov= '
              '(horizontal field of view, degrees)')
FISHEYE_MODELS = ('equidistant', 'fisheye', 'kannala_brandt')
LENS_MODELS = ('plumb_bob', 'rational_polynomial', 'brown_conrady', '')
# Keys of OpenCV's and of ROS's files, of messages of ROS 1 and ROS 2.
MATRIX_KEYS = ('camera_matrix', 'cameraMatrix', 'Camera_Matrix', 'K', 'k', 'M')
DISTORTION_KEYS = ('distortion_coefficients', 'dist_coeffs', 'distCoeffs',
                   'Distortion_Coefficients', 'distortion', 'D', 'd')
PROJECTION_KEYS = ('projection_matrix', 'P', 'p')
ROTATION_KEYS = ('rectification_matrix', 'R', 'r')
WIDTH_KEYS, HEIGHT_KEYS = ('image_width', 'width', 'image_Width'), (
    'image_height', 'height', 'image_Height')


@dataclass(frozen=True)
class Camera:
    """Camera of a picture.

    Attributes:
        P2: (3, 4) projection from the camera frame (metres) to pixels, of the picture without
            lens distortion.
        size: (width, height) of the picture that the matrix belongs to, pixels; None if unknown.
        lens: lens distortion, which is removed from the picture first; None without.

    Example:
        >>> camera = Camera.from_matrix([[700., 0., 320.], [0., 700., 240.], [0., 0., 1.]])
        >>> camera.focal_length, camera.P2[0].tolist()
        (700.0, [700.0, 0.0, 320.0, 0.0])
    """
    P2: np.ndarray
    size: Optional[Tuple[int, int]] = None
    lens: Optional['Lens'] = None

    @classmethod
    def from_matrix(cls, matrix: Any, title: str = 'camera') -> 'Camera':
        """Build from a (3, 3), (3, 4) or (4, 4) matrix in pixels.

        Args:
            matrix: the matrix; its last row is (0, 0, 1), as of KITTI's P2.
            title: name of the matrix, for messages.

        Raises:
            InputError: it is no camera matrix.
        """
        try:
            values = np.array(matrix, dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            values = np.zeros(0)
        if values.shape not in ((3, 3), (3, 4), (4, 4)):
            raise InputError(f'{title}: is no camera matrix; give 3x3 or 3x4 numbers in pixels')
        P2 = np.zeros((3, 4))
        P2[:, :values.shape[1]] = values[:3]
        if not ((np.abs(P2) < 1e6).all() and P2[0, 0] > 0 and P2[1, 1] > 0
                and np.allclose(P2[2, :3], [0, 0, 1], atol=1e-6)):
            raise InputError(f'{title}: is no camera matrix; it needs positive focal lengths in '
                             'pixels at (0, 0) and (1, 1), and (0, 0, 1) as its last row')
        return cls(P2)

    @classmethod
    def from_focal(cls, focal: float, size: Tuple[int, int]) -> 'Camera':
        """Build a camera that looks through the centre of the image.

        Args:
            focal: focal length, pixels.
            size: (width, height) of the image, pixels.

        Example:
            >>> Camera.from_focal(700., (640, 480)).P2[:2, 2].tolist()
            [320.0, 240.0]
        """
        width, height = size
        matrix = [[focal, 0., width / 2], [0., focal, height / 2], [0., 0., 1.]]
        return replace(cls.from_matrix(matrix), size=size)

    @property
    def focal_length(self) -> float:
        """Horizontal focal length, pixels."""
        return float(self.P2[0, 0])

    @property
    def cam2img(self) -> np.ndarray:
        """(4, 4) P2 with the row (0, 0, 0, 1) below, as mmdet3d stores it."""
        return np.vstack([self.P2, [0., 0., 0., 1.]])

    def fitted_to(self, size: Tuple[int, int], name: str) -> 'Camera':
        """Return the camera for a picture of another size.

        A picture of another resolution, but of the same aspect ratio, is a resized one.

        Args:
            size: (width, height) of the picture, pixels.
            name: name of the picture, for messages.

        Raises:
            InputError: the aspect ratio differs, or, where the size of the calibration is
                unknown, the principal point lies outside of the picture.

        Example:
            >>> camera = Camera.from_focal(700., (640, 480)).fitted_to((320, 240), 'a.png')
            >>> camera.focal_length, camera.size
            (350.0, (320, 240))
        """
        width, height = size
        if self.size is None:
            if not (0 < self.P2[0, 2] < width and 0 < self.P2[1, 2] < height):
                raise InputError(
                    f'{name}: the principal point of the camera ({self.P2[0, 2]:g}, '
                    f'{self.P2[1, 2]:g}) lies outside of this image of {width}x{height} pixels; '
                    'give the camera of this image size')
            return replace(self, size=size)
        if size == self.size:
            return self
        scale = width / self.size[0]
        if abs(scale * self.size[1] - height) > 1:
            raise InputError(f'{name}: has {width}x{height} pixels, but the camera was calibrated '
                             f'with {self.size[0]}x{self.size[1]}; give the camera of this image')
        to_new = np.diag([scale, height / self.size[1], 1.])
        return Camera(to_new @ self.P2, size, self.lens and self.lens.scaled(to_new))


@dataclass(frozen=True)
class Lens:
    """Lens distortion.

    Attributes:
        matrix: (3, 3) camera matrix of the distorted picture, pixels.
        coefficients: OpenCV's distortion coefficients: k1, k2, p1, p2, k3 ..., or the four of
            a fisheye lens.
        fisheye: whether it is OpenCV's fisheye model (ROS: ``equidistant``).
        rotation: (3, 3) from the camera frame of the distorted picture to that of the result.
        target: (3, 3) camera matrix of the picture without distortion; None chooses one that
            shows no pixels outside of the picture.
    """
    matrix: np.ndarray
    coefficients: np.ndarray
    fisheye: bool = False
    rotation: Optional[np.ndarray] = None
    target: Optional[np.ndarray] = None

    def scaled(self, to_new: np.ndarray) -> 'Lens':
        """Return the lens for a resized picture.

        Args:
            to_new: (3, 3) from pixels to pixels of the resized picture.
        """
        target = None if self.target is None else to_new @ self.target
        return replace(self, matrix=to_new @ self.matrix, target=target)

    def target_matrix(self, size: Tuple[int, int]) -> np.ndarray:
        """Return the (3, 3) camera matrix of the picture without distortion.

        Args:
            size: (width, height) of the picture, pixels.
        """
        if self.target is not None:
            return self.target
        if self.fisheye:
            return cv2.fisheye.estimateNewCameraMatrixForUndistortRectify(
                self.matrix, self.coefficients, size, np.eye(3), balance=0.)
        return cv2.getOptimalNewCameraMatrix(self.matrix, self.coefficients, size, alpha=0)[0]

    def maps(self, size: Tuple[int, int]) -> Tuple[np.ndarray, np.ndarray]:
        """Return the maps of ``cv2.remap`` that remove the distortion.

        Args:
            size: (width, height) of the picture, pixels.
        """
        function = (cv2.fisheye.initUndistortRectifyMap if self.fisheye
                    else cv2.initUndistortRectifyMap)
        rotation = np.eye(3) if self.rotation is None else self.rotation
        return function(self.matrix, self.coefficients, rotation, self.target_matrix(size), size,
                        cv2.CV_16SC2)


class CameraSource:
    """Camera of each picture of a source, from any of the ways to give one.

    Args:
        camera: a :class:`Camera`; a (3, 3) or (3, 4) matrix; or a calibration file, see
            :func:`read_camera`.
        focal: focal length, pixels, or ``'auto'`` for a guess from the image size.
        fov: horizontal field of view, degrees.
        distortion: OpenCV's distortion coefficients for ``camera``, where its file holds none.

    Raises:
        InputError: none or several of the three are given, or one is invalid.

    Example:
        >>> source = CameraSource(fov=90.)
        >>> camera, picture = source.view(np.zeros((400, 600, 3), np.uint8), 'a.png')
        >>> round(camera.focal_length, 6)
        300.0
    """

    def __init__(self, camera: Any = None, focal: Union[float, str, None] = None,
                 fov: Optional[float] = None,
                 distortion: Optional[Sequence[float]] = None) -> None:
        given = [value is not None for value in (camera, focal, fov)]
        if sum(given) != 1:
            raise InputError(f'{"several cameras" if any(given) else "no camera"} given: '
                             f'{THREE_WAYS}; focal="auto" guesses')
        if focal is not None and focal != AUTO and not _is_within(focal, 0, 1e6):
            raise InputError(f'focal={shortened(focal)}: expected a positive number of pixels or '
                             f'"{AUTO}"')
        if fov is not None and not _is_within(fov, 0, 180):
            raise InputError(f'fov={shortened(fov)}: expected degrees between 0 and 180')
        if isinstance(camera, (str, Path)):
            camera = read_camera(camera)
        elif camera is not None and not isinstance(camera, Camera):
            camera = Camera.from_matrix(camera)
        if distortion is not None:
            if camera is None:
                raise InputError('distortion: needs the camera matrix that it belongs to; give '
                                 'camera=')
            camera = replace(camera, lens=Lens(camera.P2[:, :3], _coefficients(
                distortion, False, 'distortion')))
        self.camera = camera
        self.focal = focal
        self.fov = fov
        self._views: Dict[Tuple[int, int], tuple] = {}

    def to_dict(self) -> Dict[str, Any]:
        """Return the camera as plain values that two equal cameras share.

        Example:
            >>> CameraSource(fov=90.).to_dict()
            {'fov': 90.0}
        """
        if self.camera is None:
            return dict(focal=self.focal) if self.fov is None else dict(fov=self.fov)
        return dict(camera=_plain(self.camera))

    @property
    def is_guess(self) -> bool:
        """True if the focal length is a guess from the image size."""
        return self.focal == AUTO

    def view(self, image: np.ndarray, name: str) -> Tuple[Camera, np.ndarray]:
        """Return the camera of a picture, and the picture without lens distortion.

        Args:
            image: (H, W, 3) uint8; not changed.
            name: name of the picture, for messages.

        Raises:
            InputError: the camera does not belong to a picture of this size.
        """
        size = (image.shape[1], image.shape[0])
        if size not in self._views:
            self._views = {size: self._fit(size, name)}  # one, as maps are large
        camera, maps = self._views[size]
        return camera, image if maps is None else cv2.remap(image, *maps, cv2.INTER_LINEAR)

    def _fit(self, size: Tuple[int, int], name: str) -> tuple:
        """Return the camera of pictures of a size, and the maps that undistort them or None."""
        if self.camera is None:
            if self.fov is not None:
                focal = size[0] / 2 / np.tan(np.radians(self.fov) / 2)
            elif self.is_guess or self.focal is None:
                focal = AUTO_FOCAL * max(size)
            else:
                focal = float(self.focal)
            return Camera.from_focal(focal, size), None
        camera = self.camera.fitted_to(size, name)
        if camera.lens is None:
            return camera, None
        # The offset of the camera, in metres, stays; its column is in pixels of the target.
        offset = np.linalg.solve(camera.P2[:, :3], camera.P2[:, 3:])
        target = camera.lens.target_matrix(size)
        return Camera(np.hstack([target, target @ offset]), size), camera.lens.maps(size)


def _plain(value: Any) -> Any:
    """Return a dataclass of arrays as plain values."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value.tolist() if isinstance(value, np.ndarray) else value


def _is_within(value: Any, low: float, high: float) -> bool:
    return (isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            and low < value < high)


def read_camera(path: Union[str, Path]) -> Camera:
    r"""Read a calibration file.

    The format is found by content:

    - KITTI: lines ``P2:`` (object benchmark) or ``P_rect_02:`` (raw data);
    - YAML of OpenCV's ``FileStorage`` or of ROS's ``camera_info``: ``camera_matrix``,
      ``distortion_coefficients``, and optionally ``distortion_model``, ``image_width``,
      ``image_height``, ``rectification_matrix``, ``projection_matrix``; or the fields K, D, R, P
      of a ROS message;
    - text: 9 or 12 numbers, row by row.

    Args:
        path: the file.

    Raises:
        InputError: the file is missing or too large, or holds no camera.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, 'camera.yaml').write_text(
        ...         'image_width: 640\nimage_height: 480\n'
        ...         'camera_matrix: {rows: 3, cols: 3, data: [500, 0, 320, 0, 500, 240, 0, 0, 1]}')
        ...     camera = read_camera(f'{folder}/camera.yaml')
        >>> camera.focal_length, camera.size
        (500.0, (640, 480))
    """
    path = Path(path).expanduser()
    if path.is_file() and path.stat().st_size > MAX_FILE:
        raise InputError(f'{path}: is too large for a calibration file; {THREE_WAYS}')
    text = read_text(path, 'no such file; give a calibration file, or --focal or --fov')
    for name in ('P2', 'P_rect_02'):
        if re.search(rf'^\s*{name}\s*:(\s+[-+.\deE]+){{12}}\s*$', text, re.MULTILINE):
            return Camera(read_calibration(path, name).P2)
    numbers = text.replace(',', ' ').split()
    try:
        values = np.array(numbers, dtype=np.float64)
    except ValueError:
        return _from_yaml(text, str(path))
    if values.size not in (9, 12):
        raise InputError(f'{path}: holds {values.size} numbers, expected the 9 or 12 of a camera '
                         'matrix')
    return Camera.from_matrix(values.reshape(3, -1), str(path))


class _Loader(yaml.SafeLoader):
    """YAML loader that also reads OpenCV's matrices."""


_Loader.add_constructor('tag:yaml.org,2002:opencv-matrix',
                        lambda loader, node: loader.construct_mapping(node, deep=True))


def _from_yaml(text: str, title: str) -> Camera:
    """Build the camera of a YAML file of OpenCV or ROS."""
    body = re.sub(r'\A%YAML.*\n', '', text)  # OpenCV's directive is no valid YAML
    try:  # rostopic ends each message with ---, which begins an empty document
        entries = next((item for item in yaml.load_all(body, _Loader) if item is not None), None)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f'{title}: neither a calibration of KITTI, OpenCV or ROS nor a matrix '
                         f'({shortened(" ".join(str(error).split()), 80)})') from None
    if not isinstance(entries, dict):
        raise InputError(f'{title}: neither a calibration of KITTI, OpenCV or ROS nor a matrix')
    intrinsics = _numbers(entries, MATRIX_KEYS, title)
    projection = _numbers(entries, PROJECTION_KEYS, title)
    if intrinsics is None and projection is None:
        raise InputError(f'{title}: has no camera_matrix; give the file that a calibration of '
                         'OpenCV or ROS writes')
    has_projection = projection is not None and projection.size == 12 and projection[0] > 0
    camera = Camera.from_matrix(_shaped(intrinsics if intrinsics is not None else projection),
                                title)
    width, height = (_integer(entries, keys, title) for keys in (WIDTH_KEYS, HEIGHT_KEYS))
    if width and height:
        camera = replace(camera, size=(width, height))
    coefficients = _numbers(entries, DISTORTION_KEYS, title)
    rotation = _numbers(entries, ROTATION_KEYS, title)
    rotation = None if rotation is None or rotation.size != 9 else rotation.reshape(3, 3)
    turned = rotation is not None and rotation.any() and not np.allclose(rotation, np.eye(3))
    bent = coefficients is not None and coefficients.any()
    if intrinsics is None or not (bent or turned):
        return camera
    model = entries.get('distortion_model') or ''
    model = model.lower() if isinstance(model, str) else type(model).__name__
    fisheye = model in FISHEYE_MODELS
    if not fisheye and model not in LENS_MODELS:
        raise InputError(f'{title}: distortion_model {shortened(model)} is unknown; undistort the '
                         f'images before, or use one of {", ".join(LENS_MODELS[:2])}, equidistant')
    lens = Lens(camera.P2[:, :3], _coefficients(
        coefficients if bent else np.zeros(4), fisheye, title), fisheye,
        rotation if turned else None,
        None if projection is None or not has_projection else projection.reshape(3, 4)[:, :3])
    P2 = Camera.from_matrix(_shaped(projection), title).P2 if has_projection else camera.P2
    return replace(camera, P2=P2, lens=lens)


def _shaped(values: np.ndarray) -> np.ndarray:
    return values.reshape(3, -1) if values.size in (9, 12) else values


def _coefficients(values: Any, fisheye: bool, title: str) -> np.ndarray:
    """Return checked distortion coefficients."""
    try:
        values = np.array(values, dtype=np.float64).ravel()
    except (TypeError, ValueError, OverflowError):
        raise InputError(f'{title}: {shortened(values)} is no list of distortion '
                         'coefficients') from None
    allowed = (4, ) if fisheye else (4, 5, 8, 12, 14)
    if values.size not in allowed or not (np.abs(values) < 1e3).all():
        raise InputError(f'{title}: has {values.size} distortion coefficients, expected '
                         f'{" or ".join(map(str, allowed))} finite numbers')
    return values


def _numbers(entries: dict, keys: Sequence[str], title: str) -> Optional[np.ndarray]:
    """Return the numbers of the first key that exists, flat; None if there is none."""
    key = next((key for key in keys if entries.get(key) is not None), None)
    if key is None:
        return None
    value = entries[key]
    value = value.get('data') if isinstance(value, dict) else value
    rows: List = value if isinstance(value, list) else []
    if rows and len(rows) <= 14 and all(isinstance(row, list) and len(row) <= 14 for row in rows):
        rows = [item for row in rows for item in row]
    numbers = [_number(item) for item in rows[:17]]
    if not isinstance(value, list) or len(rows) > 16 or not np.isfinite(numbers).all():
        raise InputError(f'{title}: {key} is no list of numbers; restore the file')
    return np.array(numbers) if numbers else None


def _number(item: Any) -> float:
    """Return a number of a YAML file, NaN for anything else.

    PyYAML follows YAML 1.1, in which 1e-05 is a string, since it has no decimal point.
    """
    try:
        return float(item) if type(item) in (int, float, str) else np.nan
    except (ValueError, OverflowError):
        return np.nan


def _integer(entries: dict, keys: Sequence[str], title: str) -> int:
    """Return the first positive integer of some keys; 0 if there is none."""
    value = next((entries[key] for key in keys if entries.get(key) is not None), 0)
    if type(value) is not int or not 0 <= value < 1e5:
        raise InputError(f'{title}: the size of the image is no positive integer; restore the '
                         'file')
    return value
