"""Frames of KITTI's raw drives: the lists of Eigen and Zhou's split, and their images.

A line of a list is ``DATE/DRIVE INDEX SIDE``, where SIDE is ``l`` (``image_02``) or ``r``
(``image_03``). The lists leave out frames at which the vehicle stands still.
"""
import os
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Set, Tuple, Union

from ...errors import InputError
from ...utils.files import is_inner_name, read_text, shortened

# Image folder by the side of a list.
CAMERAS = dict(l='image_02', r='image_03')
SUFFIXES = ('.png', '.jpg')
DIGITS = 10  # of a frame's index in file names
FORM = 'DATE/DRIVE INDEX l, such as 2011_09_26/2011_09_26_drive_0001_sync 5 l'


class RawFrame(NamedTuple):
    """One image of a drive.

    Attributes:
        drive: ``DATE/DRIVE``.
        index: index of the image in its drive; negative for a neighbour before the first image.
        camera: ``'image_02'`` (left) or ``'image_03'`` (right).

    Example:
        >>> frame = RawFrame('2011_09_26/2011_09_26_drive_0001_sync', 5, 'image_02')
        >>> frame.neighbour(-1).name
        '2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000004'
        >>> frame.scan
        '2011_09_26/2011_09_26_drive_0001_sync/velodyne_points/data/0000000005.bin'
    """
    drive: str
    index: int  # type: ignore[assignment]
    camera: str

    @classmethod
    def of_name(cls, name: str) -> 'RawFrame':
        """Return the frame of :attr:`name`."""
        drive, camera, _, index = name.rsplit('/', 3)
        return cls(drive, int(index), camera)

    @property
    def date(self) -> str:
        """Name of the folder of the drive's date."""
        return self.drive.split('/')[0]

    @property
    def folder(self) -> str:
        """Name of the folder of the camera's images."""
        return f'{self.drive}/{self.camera}/data'

    @property
    def name(self) -> str:
        """Name of the image without suffix."""
        return f'{self.folder}/{self.index:0{DIGITS}d}'

    @property
    def scan(self) -> str:
        """Name of the LiDAR scan of the same moment."""
        return f'{self.drive}/velodyne_points/data/{self.index:0{DIGITS}d}.bin'

    @property
    def annotated_depth(self) -> str:
        """Name of the annotated depth map, in the folders of KITTI's depth benchmark."""
        drive = self.drive.split('/')[1]
        return f'{drive}/proj_depth/groundtruth/{self.camera}/{self.index:0{DIGITS}d}.png'

    def neighbour(self, offset: int) -> 'RawFrame':
        """Return the frame ``offset`` images later, of the same camera."""
        return self._replace(index=self.index + offset)


def read_raw_split(path: Union[str, Path]) -> List[RawFrame]:
    """Read a list of Eigen and Zhou's split. Empty lines are skipped.

    Args:
        path: the list.

    Raises:
        InputError: the file is missing, is not text, names no frame or names a frame twice, or
            a line has another form. The message names the line.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, 'val.txt').write_text('2011_09_26/drive_0001_sync 473 r')
        ...     read_raw_split(f'{folder}/val.txt')
        [RawFrame(drive='2011_09_26/drive_0001_sync', index=473, camera='image_03')]
    """
    lines = read_text(path, f'no such split file; put lines of the form {FORM} there'
                      ).splitlines()
    places: Dict[RawFrame, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        frame = _parse(f'{path}:{number}', line.split())
        if frame in places:
            raise InputError(f'{path}:{number}: repeats the frame of line {places[frame]}; remove '
                             'one of the two lines')
        places[frame] = number
    if not places:
        raise InputError(f'{path}: names no frame; put lines of the form {FORM} there')
    return list(places)


def _parse(place: str, fields: List[str]) -> RawFrame:
    """Return the frame of a line."""
    if len(fields) != 3:
        raise InputError(f'{place}: {len(fields)} fields, expected {FORM}; correct the line')
    drive, index, side = fields
    if not is_inner_name(drive) or drive.count('/') != 1:
        raise InputError(f'{place}: {shortened(drive)} is no DATE/DRIVE, expected {FORM}; '
                         'correct the line')
    if not (index.isascii() and index.isdecimal() and len(index) <= DIGITS):
        raise InputError(f'{place}: {shortened(index)} is no index of an image, expected {FORM}; '
                         'correct the line')
    if side not in CAMERAS:
        raise InputError(f'{place}: {shortened(side)} is no side, expected l (image_02) or r '
                         '(image_03); correct the line')
    return RawFrame(drive, int(index), CAMERAS[side])


class RawImages:
    """Files of images by frame, as PNG or JPEG.

    Each folder is listed once, which is much faster than a query per file.

    Args:
        folder: folder of the raw data, which holds one folder per date.

    Example:
        >>> import tempfile
        >>> frame = RawFrame('2011_09_26/drive_0001_sync', 5, 'image_02')
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, f'{frame.name}.jpg')
        ...     path.parent.mkdir(parents=True)
        ...     path.touch()
        ...     images = RawImages(folder)
        ...     images.find(frame) == path, images.find(frame.neighbour(1))
        (True, None)
    """

    def __init__(self, folder: Union[str, Path]) -> None:
        self.folder = Path(folder)
        self._names: Dict[Tuple[str, str], Set[str]] = {}

    def find(self, frame: RawFrame) -> Optional[Path]:
        """Return the path of a frame's image, or None if there is none."""
        key = frame.drive, frame.camera
        if key not in self._names:
            try:
                self._names[key] = set(os.listdir(self.folder / frame.folder))
            except OSError:
                self._names[key] = set()
        stem = f'{frame.index:0{DIGITS}d}'
        name = next((stem + suffix for suffix in SUFFIXES
                     if stem + suffix in self._names[key]), None)
        return None if name is None else self.folder / frame.folder / name
