"""Clips of KITTI's raw drives, listed by Eigen and Zhou's split."""
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Set

import numpy as np
from mmdet3d.registry import DATASETS
from mmengine.logging import print_log

from ..benchmarks.depth.map_files import KITTI_SCALE
from ..benchmarks.depth.splits import locate_depth
from ..benchmarks.kitti.raw_clips import RawFrame, RawImages, read_raw_split
from ..benchmarks.kitti.raw_drives import RawCameras
from ..benchmarks.kitti.velodyne_depth import RawScanners, VelodyneDepth, scan_problem
from ..errors import InputError
from ..utils.files import has_file
from .clip_dataset import ClipDataset

# Focal lengths and principal point of all images in published trainings on clips, in shares of
# the width (first and third) and of the height (second and fourth).
PUBLISHED_CAMERA = (0.58, 1.92, 0.5, 0.5)


@DATASETS.register_module()
class KittiRawClipDataset(ClipDataset):
    """Clips of KITTI's raw drives.

    A line of the list is ``DATE/DRIVE INDEX SIDE``, with SIDE ``l`` or ``r``. The neighbours of
    a frame are images of the same camera. The name of a frame is that of its image without
    suffix, ``DATE/DRIVE/image_02/data/N``. Images are PNG or JPEG.

    The depth of a frame comes from its annotated depth map if ``data_prefix`` has ``depth``.
    Frames without one are left out: 45 of the 697 test frames. Otherwise, and in test mode
    only, it comes from the LiDAR scan of the same moment, on which Eigen et al. (2014)
    evaluate. ``LoadDepthMap`` reads both.

    Args:
        data_root: folder of the set.
        ann_file: list of frames, relative to ``data_root``.
        data_prefix: folders, relative to ``data_root``: the raw data (``img``) and, where
            wanted, annotated depth maps (``depth``) and instance maps (``instances``), which
            are PNG files with the names of the images. ``dict(img='raw')`` by default.
        offsets: numbers of frames from the target frame to each neighbour.
        missing: treatment of a missing neighbour, as in ClipDataset; ``'single'`` in test mode
            and ``'stop'`` otherwise by default.
        fixed_camera: (fx, fy, cx, cy) of all images in shares of the image's width and height;
            None for the calibration. Published trainings use the default. Depth from LiDAR
            scans always uses the calibration.
        kwargs: arguments of ClipDataset, FrameDataset and mmengine's BaseDataset.

    Raises:
        InputError: a setting is invalid, or a file is missing or malformed. The message names
            it.
    """

    DATA_PREFIX = dict(img='raw')

    def __init__(self, data_root: str, ann_file: str,
                 data_prefix: Optional[Dict[str, str]] = None, offsets: Sequence[int] = (-1, 1),
                 missing: Optional[str] = None,
                 fixed_camera: Optional[Sequence[float]] = PUBLISHED_CAMERA,
                 test_mode: bool = False, **kwargs: Any) -> None:
        if fixed_camera is not None and not (
                len(fixed_camera) == 4 and all(0 < share < np.inf for share in fixed_camera)):
            raise InputError(f'fixed_camera is {fixed_camera!r}, expected four positive shares of '
                             'width and height, such as (0.58, 1.92, 0.5, 0.5), or None')
        self.fixed_camera = fixed_camera
        self._targets: Set[str] = set()
        super().__init__(data_root, ann_file, data_prefix, offsets=offsets, test_mode=test_mode,
                         missing=missing or ('single' if test_mode else 'stop'), **kwargs)

    def frame_names(self) -> List[str]:
        """Return the names of the frames of the list, and prepare the drives."""
        folder = self.data_prefix['img']
        self._images, self._cameras = RawImages(folder), RawCameras(folder)
        self._scanners = RawScanners(folder)
        frames = read_raw_split(self.ann_file)
        if 'depth' in self.data_prefix:
            frames = self._with_depth(frames)
        self._targets = {frame.name for frame in frames}
        return [frame.name for frame in frames]

    def _with_depth(self, frames: List[RawFrame]) -> List[RawFrame]:
        """Return the frames with an annotated depth map."""
        kept = [frame for frame in frames if self._annotated_depth(frame) is not None]
        if not kept:
            raise InputError(f'{self.data_prefix["depth"]}: holds no depth map of the '
                             f'{len(frames)} frames of {self.ann_file}; unpack them, or leave '
                             "'depth' out of data_prefix for depth from LiDAR scans")
        if len(kept) < len(frames):
            print_log(f'{self.ann_file}: {len(frames) - len(kept)} of {len(frames)} frames have '
                      'no annotated depth and are left out', 'current')
        return kept

    def _annotated_depth(self, frame: RawFrame) -> Optional[Path]:
        """Return the annotated depth map of a frame, or None."""
        try:
            return locate_depth(self.data_prefix['depth'], frame.annotated_depth)
        except InputError:
            return None

    def neighbour_of(self, name: str, offset: int) -> Optional[str]:
        """Return the name of the image at an offset, or None before the first image."""
        frame = RawFrame.of_name(name).neighbour(offset)
        return None if frame.index < 0 else frame.name

    def image_of(self, name: str) -> Path:
        """Return the image file of a frame."""
        return (self._images.find(RawFrame.of_name(name))
                or Path(self.data_prefix['img'], f'{name}.png'))

    def cam2img_of(self, name: str) -> np.ndarray:
        """Return the fixed camera at the size of the image, or the calibrated camera."""
        if self.fixed_camera is None:
            return self._cameras[name]
        width, height = self._size_of(self.image_of(name))
        fx, fy, cx, cy = self.fixed_camera
        return np.array([[fx * width, 0., cx * width, 0.], [0., fy * height, cy * height, 0.],
                         [0., 0., 1., 0.], [0., 0., 0., 1.]])

    def instances_of(self, name: str) -> Optional[Path]:
        """Return the instance map of a frame. In tests neighbours need none."""
        if 'instances' not in self.data_prefix:
            return None
        path = Path(self.data_prefix['instances'], f'{name}.png')
        optional = self.test_mode and name not in self._targets
        return None if optional and not has_file(path) else path

    def entries_of(self, name: str) -> Dict[str, Any]:
        """Return the depth of a frame: ``depth_path``, in tests also ``depth_reader``."""
        frame = RawFrame.of_name(name)
        if 'depth' in self.data_prefix:
            return dict(depth_path=str(self._annotated_depth(frame)), depth_scale=KITTI_SCALE)
        if not self.test_mode:
            return {}
        scan = Path(self.data_prefix['img'], frame.scan)
        problem = scan_problem(scan)
        if problem:
            raise InputError(problem)
        return dict(depth_reader=VelodyneDepth(
            str(scan), _rows(self._scanners[frame.date]), _rows(self._cameras[name]),
            self._size_of(self.image_of(name))))


def _rows(matrix: np.ndarray) -> tuple:
    """Return a matrix as a tuple of tuples, which is hashable."""
    return tuple(map(tuple, matrix.tolist()))
