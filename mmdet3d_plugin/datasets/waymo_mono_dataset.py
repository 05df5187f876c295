"""Waymo's frames of one camera, as ``tools/create_data.py waymo`` writes them."""
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
from mmdet3d.registry import DATASETS

from ..errors import InputError
from ..kitti import KittiObjects, read_split
from ..utils.angles import observation_angle
from ..waymo.converted import frame_labels, read_annotations
from .mono_dataset import MonoDataset, MonoFrame


@DATASETS.register_module()
class WaymoMonoDataset(MonoDataset):
    """Reads the converted images, annotations and split files.

    Samples are those of :class:`MonoDataset`. Objects that the camera does not show, or
    with fewer than ``min_points`` LiDAR points, are no labels. ``eval_ann_info`` holds
    all labelled objects around the vehicle as ``waymo_labels``, the frame's segment and
    time as ``waymo_frame``, and the transform that brings predictions among the labels
    as ``optical_from_vehicle``.

    Args:
        data_root: folder of the converted set.
        ann_file: split file, relative to ``data_root``.
        min_points: least number of LiDAR points.

    Raises:
        InputError: a file is missing or malformed; the message names it.
    """

    METAINFO = dict(classes=('Pedestrian', 'Vehicle', 'Cyclist'))

    def __init__(self, data_root: str, ann_file: str, min_points: int = 1,
                 **kwargs: Any) -> None:
        self.min_points = min_points
        self._segments: Dict[str, dict] = {}
        super().__init__(data_root, ann_file, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Reads the split and every segment's annotations, one segment at a time."""
        infos = []
        for name in read_split(self.ann_file):
            infos.append(self.parse_data_info(dict(frame=name)))
        self._segments.clear()
        return infos

    def read_frame(self, name: str) -> MonoFrame:
        split, segment, number = self._parse_name(name)
        content = self._segment(split, segment)
        frame = content['by_number'].get(number)
        image = Path(self.data_root, 'images', split, segment, f'{number}.jpg')
        if frame is None or not image.is_file():
            raise InputError(f'{image}: no such frame, but {self.ann_file} names it; convert the '
                             'set again')
        cam2img = np.array(content['cam2img'])
        shown = [index for index, item in enumerate(frame['objects'])
                 if item['box_2d'] is not None and item['num_points'] >= self.min_points]
        objects = as_kitti([frame['objects'][index] for index in shown])
        evaluation = {}
        if self.test_mode:
            evaluation = dict(kitti_objects=objects,
                              waymo_labels=frame_labels(content, frame),
                              waymo_frame=(segment, frame['timestamp']),
                              optical_from_vehicle=np.array(content['optical_from_vehicle']))
        return MonoFrame(image, tuple(content['size']), cam2img, objects, evaluation)

    def _parse_name(self, name: str) -> List[str]:
        parts = name.split('/')
        # Names become paths, of what is read and of what is drawn.
        if len(parts) != 3 or any(part in ('', '.', '..') for part in parts):
            raise InputError(f'{self.ann_file}: {name!r} is no SPLIT/SEGMENT/FRAME; convert the '
                             'set again')
        return parts

    def _segment(self, split: str, segment: str) -> dict:
        """Annotations of a segment; those of the last one are kept."""
        key = f'{split}/{segment}'
        if key not in self._segments:
            content = read_annotations(Path(self.data_root, 'annotations', f'{key}.json'))
            content['by_number'] = {frame['frame']: frame for frame in content['frames']}
            self._segments = {key: content}
        return self._segments[key]


def as_kitti(objects: List[dict]) -> KittiObjects:
    """A frame's annotated objects in KITTI's convention."""
    boxes = np.array([item['camera_box'] for item in objects], dtype=np.float64).reshape(-1, 7)
    return KittiObjects(
        names=np.array([item['type'] for item in objects], dtype=str),
        truncations=np.zeros(len(objects)),
        occlusions=np.zeros(len(objects), dtype=np.int64),
        alphas=observation_angle(boxes[:, 6], boxes),
        boxes_2d=np.array([item['box_2d'] for item in objects], dtype=np.float64).reshape(-1, 4),
        sizes_hwl=boxes[:, [4, 5, 3]],
        locations=boxes[:, :3],
        rotations_y=boxes[:, 6])
