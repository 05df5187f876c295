"""Waymo's frames of one camera, as written by ``tools/create_data.py waymo``."""
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
from mmdet3d.registry import DATASETS

from ..benchmarks.kitti.splits import read_split
from ..benchmarks.waymo.annotations import frame_labels, read_annotations
from ..errors import InputError
from ..structures.angles import observation_angle
from ..structures.object_table import ObjectTable
from ..utils.files import has_file
from .mono_dataset import MonoDataset, MonoFrame


@DATASETS.register_module()
class WaymoMonoDataset(MonoDataset):
    """Waymo's frames from the converted images, annotations and split files.

    Samples are those of :class:`~mmdet3d_plugin.datasets.MonoDataset`. Objects outside the
    camera's image, or with fewer than ``min_points`` LiDAR points, are not used as labels.
    ``eval_ann_info`` holds:

    - ``object_table``: the labels in the image.
    - ``waymo_labels``: all labelled objects around the vehicle.
    - ``waymo_frame``: (segment, timestamp in microseconds).
    - ``optical_from_vehicle``: (4, 4), from the vehicle frame to the camera frame.

    Args:
        data_root: folder of the converted set.
        ann_file: split file, relative to ``data_root``: one SPLIT/SEGMENT/FRAME per line.
        min_points: smallest number of LiDAR points.
        kwargs: arguments of FrameDataset and of mmdet3d's Det3DDataset.

    Raises:
        InputError: a file is missing or malformed. The message names it.
    """

    METAINFO = dict(classes=('Pedestrian', 'Vehicle', 'Cyclist'))

    def __init__(self, data_root: str, ann_file: str, min_points: int = 1,
                 **kwargs: Any) -> None:
        self.min_points = min_points
        self._segments: Dict[Path, dict] = {}
        super().__init__(data_root, ann_file, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Return the information about every frame, reading one segment at a time."""
        infos = super().load_data_list()
        self._segments.clear()
        return infos

    def frame_names(self) -> List[str]:
        """Return the frame names of the split file."""
        return read_split(self.ann_file)

    def read_frame(self, name: str) -> MonoFrame:
        """Read a frame by its name SPLIT/SEGMENT/FRAME."""
        split, segment, number = self._parse_name(name)
        file = Path(self.data_root, 'annotations', split, f'{segment}.json')
        content = self._segment(file)
        frame = content['by_number'].get(number)
        image = Path(self.data_root, 'images', split, segment, f'{number}.jpg')
        if frame is None or not has_file(image):
            raise InputError(f'{image}: no such frame, but {self.ann_file} names it; convert the '
                             'set again')
        cam2img = np.array(content['cam2img'], dtype=np.float64).reshape(4, 4)
        objects = as_kitti([item for item in frame['objects'] if item['box_2d'] is not None
                            and item['num_points'] >= self.min_points])
        evaluation = {}
        if self.test_mode:
            evaluation = dict(object_table=objects,
                              waymo_labels=frame_labels(content, frame),
                              waymo_frame=(segment, frame['timestamp']),
                              optical_from_vehicle=np.array(
                                  content['optical_from_vehicle'],
                                  dtype=np.float64).reshape(4, 4))
        width, height = map(int, content['size'])
        return MonoFrame(image, (width, height), cam2img, objects, file, evaluation)

    def _parse_name(self, name: str) -> List[str]:
        """Split a frame's name into split, segment and frame number."""
        parts = name.split('/')
        if len(parts) != 3:
            raise InputError(f'{self.ann_file}: {name!r} is no SPLIT/SEGMENT/FRAME; convert the '
                             'set again')
        return parts

    def _segment(self, file: Path) -> dict:
        """Return the annotations of a segment. The last segment read is kept in memory."""
        if file not in self._segments:
            content = read_annotations(file)
            content['by_number'] = {frame['frame']: frame for frame in content['frames']}
            self._segments = {file: content}
        return self._segments[file]


def as_kitti(objects: List[dict]) -> ObjectTable:
    """Convert a frame's annotated objects to KITTI's convention.

    Args:
        objects: N objects of an annotation file, each with ``type``, ``camera_box`` (x, y, z of
            the bottom centre, length, height, width, rotation_y; camera frame, metres and
            radians) and ``box_2d`` (left, top, right, bottom, pixels).

    Returns:
        Table of the N objects, with truncation and occlusion 0.

    Example:
        >>> table = as_kitti([dict(type='Vehicle', camera_box=[0., 1.6, 20., 4., 1.5, 1.8, 0.],
        ...                        box_2d=[10., 20., 50., 40.])])
        >>> table.names.tolist(), table.sizes_hwl.tolist()
        (['Vehicle'], [[1.5, 1.8, 4.0]])
    """
    boxes = np.array([item['camera_box'] for item in objects], dtype=np.float64).reshape(-1, 7)
    return ObjectTable(
        names=np.array([item['type'] for item in objects], dtype=str),
        truncations=np.zeros(len(objects)),
        occlusions=np.zeros(len(objects), dtype=np.int64),
        alphas=observation_angle(boxes[:, 6], boxes),
        boxes_2d=np.array([item['box_2d'] for item in objects], dtype=np.float64).reshape(-1, 4),
        sizes_hwl=boxes[:, [4, 5, 3]],
        locations=boxes[:, :3],
        rotations_y=boxes[:, 6])
