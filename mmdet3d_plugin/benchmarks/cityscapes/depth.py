"""Cameras of Cityscapes, and depth maps from its stereo disparities."""
import json
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple, Union

import numpy as np

from ...errors import InputError
from ...utils.files import read_text, shortened
from ..depth.map_files import read_depth_map
from .files import CAMERA, SNIPPET, CityscapesFrame, list_frames

PathLike = Union[str, Path]
MAX_CAMERA_BYTES = 1 << 16  # a camera's file has less than 1 kB
LIMIT = 1e6  # largest value of a camera, pixels or metres
RESTORE = "restore the file from Cityscapes' camera archive"
DISPARITY_SCALE = 256.  # stored units per pixel of disparity; 1 is added to the stored value


@dataclass(frozen=True)
class CityscapesCamera:
    """Left camera of the stereo pair.

    Attributes:
        fx, fy: focal lengths, pixels.
        u0, v0: principal point, pixels.
        baseline: distance between the two cameras, metres.
    """
    fx: float
    fy: float
    u0: float
    v0: float
    baseline: float

    @property
    def cam2img(self) -> np.ndarray:
        """(4, 4) projection from the camera frame to pixels."""
        return np.array([[self.fx, 0., self.u0, 0.], [0., self.fy, self.v0, 0.],
                         [0., 0., 1., 0.], [0., 0., 0., 1.]])


def read_camera(path: PathLike) -> CityscapesCamera:
    """Read a camera file: ``intrinsic`` with fx, fy, u0, v0, and ``extrinsic`` with baseline.

    Raises:
        InputError: the file is missing, too large or no JSON, or a value is missing, is no
            finite number or is not positive.

    Example:
        >>> import tempfile
        >>> content = dict(intrinsic=dict(fx=2262.5, fy=2265.3, u0=1097., v0=513.1),
        ...                extrinsic=dict(baseline=.2093))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, 'camera.json').write_text(json.dumps(content))
        ...     read_camera(f'{folder}/camera.json')
        CityscapesCamera(fx=2262.5, fy=2265.3, u0=1097.0, v0=513.1, baseline=0.2093)
    """
    text = read_text(path, f'no such camera; {RESTORE}', MAX_CAMERA_BYTES, RESTORE)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f'{path}: not a readable JSON file; {RESTORE}') from None
    values = {key: _positive(Path(path), content, group, key) for group, key in (
        ('intrinsic', 'fx'), ('intrinsic', 'fy'), ('intrinsic', 'u0'), ('intrinsic', 'v0'),
        ('extrinsic', 'baseline'))}
    return CityscapesCamera(**values)


def _positive(path: Path, content: object, group: str, key: str) -> float:
    """Return a number of a camera file."""
    entries = content.get(group) if isinstance(content, dict) else None
    value = entries.get(key) if isinstance(entries, dict) else None
    if value is None:
        raise InputError(f'{path}: {group}.{key} is missing; {RESTORE}')
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= LIMIT:
        raise InputError(f'{path}: {group}.{key} is {shortened(value)}, expected a positive '
                         f'number of at most {LIMIT:g}; {RESTORE}')
    return float(value)


class SnippetCameras:
    """Cameras of all frames, from the camera files of the annotated frames.

    All frames of a snippet share the camera of its annotated frame. It is found by city and
    sequence as the camera of the nearest frame.

    Args:
        folder: folder that holds the splits of camera files.
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = Path(folder)
        self._numbers: Dict[str, Dict[Tuple[str, int], List[int]]] = {}
        self._known: Dict[CityscapesFrame, CityscapesCamera] = {}

    def __getitem__(self, frame: CityscapesFrame) -> CityscapesCamera:
        """Return the camera of a frame.

        Raises:
            InputError: the snippet has no camera file, or the file is malformed.
        """
        owner = self.owner(frame)
        if owner not in self._known:
            self._known[owner] = read_camera(owner.path(self.folder, CAMERA))
        return self._known[owner]

    def owner(self, frame: CityscapesFrame) -> CityscapesFrame:
        """Return the frame whose camera file holds for a frame.

        Raises:
            InputError: there is none within the length of a snippet.
        """
        numbers = self._split(frame.split).get((frame.city, frame.sequence), [])
        position = bisect_left(numbers, frame.number)
        nearest = min(numbers[max(position - 1, 0):position + 1], default=None,
                      key=lambda number: abs(number - frame.number))
        if nearest is None or abs(nearest - frame.number) >= SNIPPET:
            raise InputError(f'{self.folder / frame.split / frame.city}: no camera of the snippet '
                             f'with frame {frame.name}; unpack the camera archive')
        return frame._replace(number=nearest)

    def _split(self, split: str) -> Dict[Tuple[str, int], List[int]]:
        """Return the sorted numbers of the frames with a camera file, by city and sequence."""
        if split not in self._numbers:
            groups: Dict[Tuple[str, int], List[int]] = {}
            for frame in list_frames(self.folder, split, CAMERA):
                groups.setdefault((frame.city, frame.sequence), []).append(frame.number)
            self._numbers[split] = groups
        return self._numbers[split]


@dataclass(frozen=True)
class DisparityDepth:
    """Reader of the depth map of a frame from its stereo disparity.

    ``LoadDepthMap`` uses it as the ``depth_reader`` of a sample.

    Attributes:
        path: 16-bit PNG of one channel. A value p > 0 is the disparity (p - 1) / 256 pixels,
            0 is unknown.
        focal_length: pixels.
        baseline: metres.

    Example:
        The disparity of 10 pixels at a focal length of 2000 pixels and a baseline of 0.2 m:

        >>> import tempfile
        >>> from ..depth.map_files import write_depth_map
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_depth_map(f'{folder}/a.png', np.array([[0, 1, 2561]]), scale=1)
        ...     DisparityDepth(f'{folder}/a.png', 2000., .2).read_depth_map().tolist()
        [[0.0, 0.0, 40.0]]
    """
    path: PathLike
    focal_length: float
    baseline: float

    def __str__(self) -> str:
        return str(self.path)

    def read_depth_map(self) -> np.ndarray:
        """Read the disparities and convert them to depth.

        Returns:
            (H, W) float32, metres, 0 where the disparity is unknown or 0.

        Raises:
            InputError: the file is missing, is cut off, or is no 16-bit PNG of one channel.
        """
        disparity = (read_depth_map(self.path, 1.) - 1) / DISPARITY_SCALE
        depth = np.zeros_like(disparity)
        np.divide(self.focal_length * self.baseline, disparity, out=depth, where=disparity > 0)
        return depth
