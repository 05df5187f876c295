"""Reader of the Parquet release of Waymo's perception data (v2), segment by segment."""
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import numpy as np

from ...errors import InputError
from ..kitti.labels import LIMIT
from .components import BYTES, NUMBER, NUMBER_OR_TEXT, NUMBERS, TEXT, Columns, ComponentFile
from .frames import is_rigid, optical_from_vehicle

CAMERAS = {'FRONT': 1, 'FRONT_LEFT': 2, 'FRONT_RIGHT': 3, 'SIDE_LEFT': 4, 'SIDE_RIGHT': 5}
MAX_FRAMES = 1000  # per segment; segments have about 200
MAX_TIME = 1 << 53  # microseconds; float64 holds all whole numbers up to here
MAX_SIDE = 1 << 14  # pixels
MAX_COUNT = (1 << 31) - 1

TIME = 'key.frame_timestamp_micros'
CAMERA = 'key.camera_name'
OBJECT = 'key.laser_object_id'
IMAGE = '[CameraImageComponent].image'
CALIBRATION = '[CameraCalibrationComponent].'
INTRINSIC = [f'{CALIBRATION}intrinsic.{name}' for name in ('f_u', 'f_v', 'c_u', 'c_v')]
EXTRINSIC = f'{CALIBRATION}extrinsic.transform'
SIZE = [f'{CALIBRATION}{name}' for name in ('width', 'height')]
BOX = '[LiDARBoxComponent].'
BOX_COLUMNS = [f'{BOX}box.{name}' for name in (
    'center.x', 'center.y', 'center.z', 'size.x', 'size.y', 'size.z', 'heading')]
BOX_TYPE, NUM_POINTS, DIFFICULTY = (f'{BOX}{name}' for name in (
    'type', 'num_lidar_points_in_box', 'difficulty_level.detection'))
PROJECTED_COLUMNS = [f'[ProjectedLiDARBoxComponent].box.{name}' for name in (
    'center.x', 'center.y', 'size.x', 'size.y')]
COLUMNS = {
    'camera_image': {TIME: NUMBER, CAMERA: NUMBER_OR_TEXT, IMAGE: BYTES},
    'camera_calibration': {CAMERA: NUMBER_OR_TEXT, EXTRINSIC: NUMBERS,
                           **dict.fromkeys([*INTRINSIC, *SIZE], NUMBER)},
    'lidar_box': {TIME: NUMBER, OBJECT: TEXT, **dict.fromkeys(
        [*BOX_COLUMNS, BOX_TYPE, NUM_POINTS, DIFFICULTY], NUMBER)},
    'projected_lidar_box': {TIME: NUMBER, CAMERA: NUMBER_OR_TEXT, OBJECT: TEXT,
                            **dict.fromkeys(PROJECTED_COLUMNS, NUMBER)},
}


@dataclass
class Calibration:
    """Calibration of one camera of a segment.

    Attributes:
        cam2img: (4, 4) optical camera frame to pixels, without lens distortion.
        optical_from_vehicle: (4, 4) vehicle frame to optical camera frame.
        size: (width, height) of the images, pixels.
    """
    cam2img: np.ndarray
    optical_from_vehicle: np.ndarray
    size: Tuple[int, int]


@dataclass
class FrameLabels:
    """The N labelled objects around the vehicle in one frame.

    Attributes:
        ids: N names of the objects.
        boxes: (N, 7) as in :class:`~.objects.WaymoObjects`, vehicle frame.
        types: (N,) int, Waymo's type numbers.
        num_points: (N,) int, LiDAR points.
        difficulties: (N,) int, annotated levels, 0 where there is none.
        boxes_2d: (N, 4) left, top, right, bottom of the projected box in the camera's
            image, pixels; NaN for objects outside the image, infinite if it is not complete.
    """
    ids: List[str]
    boxes: np.ndarray
    types: np.ndarray
    num_points: np.ndarray
    difficulties: np.ndarray
    boxes_2d: np.ndarray


def list_segments(root: Path, split: str) -> List[str]:
    """Return the names of a split's segments, sorted. The index in the list is the rank.

    Args:
        root: folder of the Parquet release.
        split: ``'training'`` or ``'validation'``.

    Raises:
        InputError: the folder does not hold the Parquet release.
    """
    folder = root / split / 'camera_image'
    # A segment counts if it has any component, so that missing components are reported.
    names = sorted({path.stem for tag in COLUMNS
                    for path in (root / split / tag).glob('*.parquet')})
    if names:
        return names
    if list(root.rglob('*.tfrecord')):
        raise InputError(f'{root}: holds the TFRecord release (v1); download the Parquet release, '
                         'v2 (gs://waymo_open_dataset_v_2_0_1)')
    raise InputError(f'{folder}: no segments (*.parquet) here; --root is the folder that holds '
                     f'{split}/camera_image')


class Segment:
    """Reader of the component files of one segment.

    Args:
        root: folder of the Parquet release.
        split: ``'training'`` or ``'validation'``.
        name: name of the segment.
        camera: name of the camera, a key of :data:`CAMERAS`.

    Raises:
        InputError: a component is missing, truncated or has an unknown schema or impossible
            values. The methods raise it too if they cannot read their component.
    """

    def __init__(self, root: Path, split: str, name: str, camera: str) -> None:
        self.camera = CAMERAS[camera]
        self._files = {tag: ComponentFile(root / split / tag / f'{name}.parquet', kinds)
                       for tag, kinds in COLUMNS.items()}

    def calibration(self) -> Calibration:
        """Return the calibration of the camera."""
        columns = self._files['camera_calibration'].read()
        own = np.nonzero(_camera_numbers(columns) == self.camera)[0].tolist()
        place = f'{columns.path}: camera {self.camera}'
        if not own:
            raise InputError(f'{columns.path}: no calibration of camera {self.camera}')
        row = own[0]
        f_u, f_v, c_u, c_v = intrinsic = [columns.numbers(name)[row] for name in INTRINSIC]
        if not (np.abs(intrinsic) <= LIMIT).all() or min(f_u, f_v) <= 0:  # NaN too
            raise InputError(f'{place} has the intrinsics {_listed(intrinsic)}, expected positive '
                             'focal lengths and a centre, pixels; download it again')
        size = [columns.numbers(name)[row] for name in SIZE]
        if not all(1 <= side <= MAX_SIDE and side == int(side) for side in size):
            raise InputError(f'{place} has images of size {_listed(size)}, expected whole numbers '
                             f'from 1 to {MAX_SIDE}; download it again')
        extrinsic = columns.list_of(EXTRINSIC, row, 16).reshape(4, 4)
        if not is_rigid(extrinsic):
            raise InputError(f'{place} has the extrinsic {_listed(extrinsic.ravel())}, which is '
                             'no 4x4 rotation and translation; download it again')
        cam2img = np.eye(4)
        cam2img[:2, :3] = [[f_u, 0, c_u], [0, f_v, c_v]]
        return Calibration(cam2img, optical_from_vehicle(extrinsic),
                           (int(size[0]), int(size[1])))

    def timestamps(self) -> List[int]:
        """Return the timestamps of the camera's images, ascending, microseconds."""
        columns = self._files['camera_image'].read(TIME, CAMERA)
        times = _times(columns)[_camera_numbers(columns) == self.camera]
        if len(times) > MAX_FRAMES or len(np.unique(times)) < len(times):
            raise InputError(f'{columns.path}: {len(times)} images of camera {self.camera} at '
                             f'{len(np.unique(times))} times, expected one per time and at most '
                             f'{MAX_FRAMES}; download it again')
        return sorted(times.tolist())

    def images(self) -> Iterator[Tuple[int, bytes]]:
        """Yield timestamp and JPEG file of each of the camera's images."""
        for columns in self._files['camera_image'].batches():
            for row in np.nonzero(_camera_numbers(columns) == self.camera)[0].tolist():
                yield int(_times(columns)[row]), columns.bytes_of(IMAGE, row)

    def labels(self) -> Dict[int, FrameLabels]:
        """Return the labels by timestamp."""
        projected = self._projected_boxes()
        columns = self._files['lidar_box'].read()
        times, ids = _times(columns), columns.texts(OBJECT)
        boxes = np.stack([columns.numbers(name) for name in BOX_COLUMNS], axis=1)
        types, num_points = (columns.whole_numbers(name, 0, MAX_COUNT, empty=0)
                             for name in (BOX_TYPE, NUM_POINTS))
        difficulties = columns.whole_numbers(DIFFICULTY, 0, 2, empty=0)
        nowhere = (np.nan, ) * 4
        found = {}
        for time in np.unique(times).tolist():
            rows = np.nonzero(times == time)[0]
            found[time] = FrameLabels(
                [ids[row] for row in rows], boxes[rows], types[rows], num_points[rows],
                difficulties[rows],
                np.array([projected.get((time, ids[row]), nowhere) for row in rows]))
        return found

    def _projected_boxes(self) -> Dict[Tuple[int, str], Tuple[float, ...]]:
        """Return (left, top, right, bottom), pixels, by timestamp and object.

        Boxes with missing or infinite values are infinite.
        """
        columns = self._files['projected_lidar_box'].read()
        x, y, width, height = (columns.numbers(name) for name in PROJECTED_COLUMNS)
        with np.errstate(invalid='ignore', over='ignore'):
            corners = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2],
                               axis=1)
        corners[~np.isfinite(corners).all(axis=1)] = np.inf
        outside = (width <= 0) | (height <= 0)
        kept = (_camera_numbers(columns) == self.camera) & ~outside
        ids, times = columns.texts(OBJECT), _times(columns).tolist()
        return {(times[row], ids[row]): tuple(corners[row]) for row in np.nonzero(kept)[0]}


def _times(columns: Columns) -> np.ndarray:
    return columns.whole_numbers(TIME, 0, MAX_TIME)


def _camera_numbers(columns: Columns) -> np.ndarray:
    """Return the numbers of the cameras.

    Some releases store the cameras as text: their numbers or their names.
    """
    if not columns.is_text(CAMERA):
        return columns.whole_numbers(CAMERA, 0, MAX_COUNT)
    texts = columns.texts(CAMERA)
    unknown = [text for text in set(texts) if text not in CAMERAS and not text.isdecimal()]
    if unknown:
        raise InputError(f'{columns.path}: column {CAMERA} holds {unknown[0]!r}, expected '
                         f'{", ".join(CAMERAS)} or a number; download it again')
    return np.array([CAMERAS.get(text) or int(text) for text in texts], dtype=object)


def _listed(values) -> str:
    return ', '.join(f'{value:g}' for value in values)
