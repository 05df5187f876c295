"""Base class of the datasets of frames with 3D labels."""
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional

import numpy as np
from mmdet3d.datasets import Det3DDataset
from mmdet3d.structures import CameraInstance3DBoxes, points_cam2img

from ..errors import InputError
from ..structures.class_names import (
    check_class_map,
    check_class_names,
    class_index,
    class_keys,
    mapped_names,
)
from ..structures.object_table import ObjectTable
from .frame_dataset import CAMERA, Frame, FrameDataset
from .learned_objects import learned_frames


@dataclass
class MonoFrame(Frame):
    """A frame with objects.

    Attributes:
        objects: labelled objects in KITTI's convention, or None for a frame without labels.
        labels: file of the labels, or None if they do not come from one file.
        evaluation: entries of ``eval_ann_info``, which the metric reads.
    """
    objects: Optional[ObjectTable] = None
    labels: Optional[Path] = None
    evaluation: Dict[str, Any] = field(default_factory=dict)


class MonoDataset(FrameDataset, Det3DDataset):
    """Base class of datasets of frames with 3D labels, in mmdet3d's sample format.

    ``ann_info`` holds, for the N objects of the trained classes:

    - ``gt_bboxes_3d``: CameraInstance3DBoxes, bottom centre, (l, h, w), metres.
    - ``gt_labels_3d``, ``gt_bboxes_labels``: (N,) indices into ``classes``.
    - ``gt_bboxes``: (N, 4) 2D boxes, pixels.
    - ``centers_2d``: (N, 2) projected 3D centres, pixels.
    - ``depths``: (N,) camera z of the 3D centres, metres.
    - ``truncations``: (N,) share of the object outside the image, 0-1.
    - ``occlusions``: (N,) KITTI's occlusion level, 0-3.
    - ``alphas``: (N,) observation angles of the labels, radians.
    - ``instances``: one dict per object of any class, DontCare regions included.

    Other entries are those of :class:`~mmdet3d_plugin.datasets.FrameDataset`. In test mode
    ``eval_ann_info`` holds the frame's ground truth for the metric.

    Args:
        data_root: folder of the set.
        ann_file: split file, relative to ``data_root``: one frame name per line.
        metainfo: ``classes`` are the trained classes in label order, any names. Names in the
            labels match them without regard to case.
        class_map: class by other names in the labels, such as ``dict(truck='Car', van='Car')``.
            It applies to training and evaluation.
        kwargs: arguments of FrameDataset and of mmdet3d's Det3DDataset.

    Raises:
        InputError: a frame is broken, or the classes are malformed.
    """

    METAINFO: Dict[str, Any]

    def __init__(self, data_root: str, ann_file: str, metainfo: Optional[dict] = None,
                 class_map: Optional[Dict[str, str]] = None, **kwargs: Any) -> None:
        title = str(ann_file or data_root)
        classes = check_class_names((metainfo or self.METAINFO).get(
            'classes', self.METAINFO['classes']), title)
        # mmdet3d finds the labels of classes here.
        self.METAINFO = {**self.METAINFO, 'classes': classes}
        self.class_map = check_class_map(class_map or {}, classes, title)
        self._learned_frames: Optional[np.ndarray] = None
        super().__init__(
            data_root=data_root, ann_file=ann_file, metainfo=metainfo,
            modality=dict(use_camera=True, use_lidar=False), default_cam_key=CAMERA,
            box_type_3d='Camera', **kwargs)

    def load_data_list(self) -> List[dict]:
        """Return the information about every frame, and count the objects per class."""
        infos = super().load_data_list()
        for info in infos:
            for item in info['instances']:
                label = self.label_mapping[item['bbox_label_3d']]
                if label >= 0:
                    self.num_ins_per_cat[label] += 1
        return infos

    def parse_data_info(self, info: dict) -> dict:
        """Complete ``dict(frame=NAME)`` by the frame's information."""
        frame = self.read_frame(info['frame'])
        self._rename_objects(frame)
        self.check_frame(frame)
        info.update(self.describe(frame))
        return info

    def _rename_objects(self, frame: MonoFrame) -> None:
        """Apply the class map to the labels and to the ground truth of the metric."""
        if self.class_map:
            tables = {id(table): table for table in (
                frame.objects, frame.evaluation.get('object_table')) if table is not None}
            for table in tables.values():
                table.names = mapped_names(table.names, self.class_map)

    def _rand_another(self) -> int:
        """Return the index of a random frame with an object that the pipeline keeps.

        Raises:
            InputError: no frame has one.
        """
        if self._learned_frames is None:
            self._learned_frames = learned_frames(self, self.pipeline.transforms)
        if not len(self._learned_frames):
            raise InputError(f'{self.ann_file or self.data_root}: no frame has an object of the '
                             f'classes {", ".join(self.metainfo["classes"])} to learn from; '
                             'correct the classes or the split')
        return int(np.random.choice(self._learned_frames))

    def check_frame(self, frame: MonoFrame) -> None:
        """Raise InputError unless the camera and the boxes of trained classes are valid."""
        super().check_frame(frame)
        if frame.objects is None:
            return
        trained = frame.objects[np.isin(class_keys(frame.objects.names),
                                        class_keys(self.metainfo['classes']))]
        sizes = trained.sizes_hwl.astype(np.float32)  # the type used in training
        numbers = np.column_stack([trained.boxes_2d, sizes, trained.locations,
                                   trained.rotations_y])
        broken = ~(np.isfinite(numbers).all(axis=1) & (sizes > 0).all(axis=1))
        if broken.any():
            raise InputError(f'{frame.labels or frame.image}: a {trained.names[broken][0]} whose '
                             'size is not positive, or with a value that is not finite; correct '
                             'or remove its label')

    def describe(self, frame: MonoFrame) -> dict:
        """Return the entries of the frame's sample in mmdet3d's format."""
        info = dict(super().describe(frame), instances=[])
        if frame.objects is not None:
            info['instances'] = self._instances(frame.objects, frame.cam2img)
            if self.test_mode and self.load_eval_anns:
                info['eval_ann_info'] = frame.evaluation
        if not self.test_mode:
            info['ann_info'] = self.parse_ann_info(info)
        return info

    def _instances(self, objects: ObjectTable, cam2img: np.ndarray) -> List[dict]:
        """Return mmdet3d's ``instances``: one dict per object, with label -1 if not trained."""
        classes = self.METAINFO['classes']
        location = objects.locations
        boxes_3d = np.column_stack(
            [location, objects.sizes_hwl[:, [2, 0, 1]], objects.rotations_y])
        centers = location - np.array([0., .5, 0.]) * objects.sizes_hwl[:, :1]
        with np.errstate(divide='ignore', invalid='ignore'):
            centers_2d = points_cam2img(centers, cam2img)
        return [
            dict(
                bbox=objects.boxes_2d[index],
                bbox_label=(label := class_index(name, classes)),
                bbox_3d=boxes_3d[index],
                bbox_label_3d=label,
                depth=location[index, 2],
                center_2d=centers_2d[index],
                truncation=objects.truncations[index],
                occlusion=objects.occlusions[index],
                alpha=objects.alphas[index],
                name=str(name)) for index, name in enumerate(objects.names)
        ]

    def parse_ann_info(self, info: dict) -> dict:
        """Return the annotations of the trained classes as arrays, see the class."""
        instances = info['instances']
        labels = np.array([self.label_mapping[item['bbox_label_3d']] for item in instances],
                          dtype=np.int64)
        kept = [item for item, label in zip(instances, labels) if label >= 0]
        labels = labels[labels >= 0]

        def column(key: str, *shape: int) -> np.ndarray:
            return np.array([item[key] for item in kept],
                            dtype=np.float32).reshape(len(kept), *shape)

        return dict(
            gt_bboxes_3d=CameraInstance3DBoxes(column('bbox_3d', 7)),
            gt_labels_3d=labels,
            gt_bboxes=column('bbox', 4),
            gt_bboxes_labels=labels.copy(),
            centers_2d=column('center_2d', 2),
            depths=column('depth'),
            truncations=column('truncation'),
            occlusions=column('occlusion').astype(np.int64),
            alphas=column('alpha'),
            instances=instances)
