"""Reader of the Parquet release of Waymo's perception data (v2), segment by segment."""
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...errors import InputError
from .frames import optical_from_vehicle

CAMERAS = {'FRONT': 1, 'FRONT_LEFT': 2, 'FRONT_RIGHT': 3, 'SIDE_LEFT': 4, 'SIDE_RIGHT': 5}
ROWS_PER_BATCH = 8  # images in memory
BUFFER_SIZE = 1 << 20  # bytes per read

TIME = 'key.frame_timestamp_micros'
CAMERA = 'key.camera_name'
OBJECT = 'key.laser_object_id'
IMAGE = '[CameraImageComponent].image'
CALIBRATION = '[CameraCalibrationComponent].'
BOX = '[LiDARBoxComponent].'
PROJECTED = '[ProjectedLiDARBoxComponent].box.'
BOX_COLUMNS = [f'{BOX}box.{name}' for name in (
    'center.x', 'center.y', 'center.z', 'size.x', 'size.y', 'size.z', 'heading')]
COLUMNS = {
    'camera_image': [TIME, CAMERA, IMAGE],
    'camera_calibration': [CAMERA, *(f'{CALIBRATION}{name}' for name in (
        'intrinsic.f_u', 'intrinsic.f_v', 'intrinsic.c_u', 'intrinsic.c_v',
        'extrinsic.transform', 'width', 'height'))],
    'lidar_box': [TIME, OBJECT, *BOX_COLUMNS, f'{BOX}type', f'{BOX}num_lidar_points_in_box',
                  f'{BOX}difficulty_level.detection'],
    'projected_lidar_box': [TIME, CAMERA, OBJECT, *(f'{PROJECTED}{name}' for name in (
        'center.x', 'center.y', 'size.x', 'size.y'))],
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
            image, pixels; NaN for objects outside the image.
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
        InputError: a component is missing, truncated or has an unknown schema. The methods
            raise it too if they cannot read their component.
    """

    def __init__(self, root: Path, split: str, name: str, camera: str) -> None:
        self.camera = CAMERAS[camera]
        self._files = {tag: _open(root / split / tag / f'{name}.parquet', columns)
                       for tag, columns in COLUMNS.items()}

    def calibration(self) -> Calibration:
        """Return the calibration of the camera."""
        table = self._read('camera_calibration')
        own = np.nonzero(_numbers(table, CAMERA) == self.camera)[0]
        if not len(own):
            raise InputError(f'{self._path("camera_calibration")}: no calibration of camera '
                             f'{self.camera}')
        row = table.slice(int(own[0]), 1).to_pylist()[0]
        values = {key.removeprefix(CALIBRATION): value for key, value in row.items()}
        missing = [key for key, value in values.items() if value is None]
        if missing:
            raise InputError(f'{self._path("camera_calibration")}: {missing[0]} of camera '
                             f'{self.camera} is empty; download it again')
        cam2img = np.eye(4)
        cam2img[:2, :3] = [[values['intrinsic.f_u'], 0, values['intrinsic.c_u']],
                           [0, values['intrinsic.f_v'], values['intrinsic.c_v']]]
        extrinsic = np.array(values['extrinsic.transform'], dtype=np.float64).reshape(4, 4)
        return Calibration(cam2img, optical_from_vehicle(extrinsic),
                           (int(values['width']), int(values['height'])))

    def timestamps(self) -> List[int]:
        """Return the timestamps of the camera's images, ascending, microseconds."""
        table = self._read('camera_image', [TIME, CAMERA])
        own = _numbers(table, CAMERA) == self.camera
        return sorted(_numbers(table, TIME)[own].tolist())

    def images(self) -> Iterator[Tuple[int, bytes]]:
        """Yield timestamp and JPEG file of each of the camera's images."""
        file = self._files['camera_image']
        try:
            for batch in file.iter_batches(ROWS_PER_BATCH, columns=COLUMNS['camera_image']):
                own = _numbers(batch, CAMERA) == self.camera
                for row in np.nonzero(own)[0].tolist():
                    yield batch[TIME][row].as_py(), batch[IMAGE][row].as_py()
        except (pa.ArrowInvalid, OSError) as error:
            raise _unreadable(self._path('camera_image'), error) from error

    def labels(self) -> Dict[int, FrameLabels]:
        """Return the labels by timestamp."""
        boxes_2d = self._projected_boxes()
        table = self._read('lidar_box')
        boxes = np.stack([_numbers(table, name) for name in BOX_COLUMNS], axis=1)
        types, num_points, difficulties = (
            np.nan_to_num(_numbers(table, f'{BOX}{name}')).astype(np.int64) for name in (
                'type', 'num_lidar_points_in_box', 'difficulty_level.detection'))
        ids, times = table[OBJECT].to_pylist(), _numbers(table, TIME)
        nowhere = (np.nan, ) * 4
        found = {}
        for time in np.unique(times):
            rows = np.nonzero(times == time)[0]
            found[int(time)] = FrameLabels(
                [ids[row] for row in rows], boxes[rows].astype(np.float64), types[rows],
                num_points[rows], difficulties[rows],
                np.array([boxes_2d.get((int(time), ids[row]), nowhere) for row in rows]))
        return found

    def _projected_boxes(self) -> Dict[Tuple[int, str], Tuple[float, ...]]:
        """Return (left, top, right, bottom), pixels, by timestamp and object."""
        table = self._read('projected_lidar_box')
        x, y, width, height = (_numbers(table, f'{PROJECTED}{name}').astype(np.float64)
                               for name in ('center.x', 'center.y', 'size.x', 'size.y'))
        corners = np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)
        kept = (_numbers(table, CAMERA) == self.camera) & (width > 0) & (height > 0)
        ids, times = table[OBJECT].to_pylist(), _numbers(table, TIME)
        return {(int(times[row]), ids[row]): tuple(corners[row]) for row in np.nonzero(kept)[0]}

    def _path(self, tag: str) -> str:
        return self._files[tag].path

    def _read(self, tag: str, columns: List[str] = None) -> pa.Table:
        try:
            return self._files[tag].read(columns=columns or COLUMNS[tag])
        except (pa.ArrowInvalid, OSError) as error:
            raise _unreadable(self._path(tag), error) from error


class _ComponentFile(pq.ParquetFile):
    """A Parquet file that knows its path."""

    def __init__(self, path: Path) -> None:
        # Buffered reads: with a memory map, the whole file would count as used memory.
        super().__init__(path, buffer_size=BUFFER_SIZE, pre_buffer=False)
        self.path = str(path)


def _open(path: Path, columns: List[str]) -> _ComponentFile:
    """Open a component file and check the names and types of its columns."""
    if not path.is_file():
        raise InputError(f'{path}: no such component; download it ({path.parent.name} of the '
                         'Parquet release)')
    try:
        file = _ComponentFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise _unreadable(path, error) from error
    schema = file.schema_arrow
    for name in columns:
        if name not in schema.names:
            raise InputError(f'{path}: unknown schema, without the column {name}; expected that '
                             'of the Parquet release v2.0')
        if not _has_kind(name, schema.field(name).type):
            raise InputError(f'{path}: unknown schema, column {name} holds '
                             f'{schema.field(name).type}; expected that of the Parquet release '
                             'v2.0')
    return file


def _has_kind(name: str, kind: pa.DataType) -> bool:
    """Return whether the reader can read a column of this type."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if name == IMAGE:
        return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    if name == OBJECT:
        return text
    if name.endswith('transform'):
        return pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind)
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return number or (text and name == CAMERA)


def _unreadable(path, error: Exception) -> InputError:
    reason = ' '.join(str(error).split())[:100]
    return InputError(f'{path}: truncated or no Parquet file ({reason}); download it again')


def _numbers(table, name: str) -> np.ndarray:
    """Return a column as numbers; missing values are NaN.

    Some releases store the cameras as text: their numbers or their names.
    """
    values = table.column(name) if isinstance(table, pa.Table) else table[name]
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return values.to_numpy(zero_copy_only=False)
    return np.array([CAMERAS.get(item, item) for item in values.to_pylist()], dtype=np.float64)
