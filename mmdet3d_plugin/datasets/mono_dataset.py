"""Frames of one camera with 3D labels, whatever benchmark they come from."""
import logging
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from mmdet3d.datasets import Det3DDataset
from mmdet3d.structures import CameraInstance3DBoxes, points_cam2img
from mmengine.dist import all_gather_object, get_dist_info, is_main_process
from mmengine.logging import print_log
from tqdm import tqdm

from ..errors import InputError
from ..kitti import KittiObjects
from ..kitti.objects import DONT_CARE
from ..utils.processes import available_cores
from .sample_randomness import sample_randomness
from .transforms.loading import LoadDepthMap, LoadImageMono3D

CAMERA = 'CAM2'


@dataclass
class MonoFrame:
    """One frame as it lies on disk.

    Attributes:
        image: file.
        size: (width, height), pixels.
        cam2img: (4, 4) camera frame to pixels.
        objects: labels in KITTI's convention; None where there are none.
        labels: file that holds the objects; None where no single one does.
        evaluation: what the metric needs of the frame.
        entries: further entries of its sample.
    """
    image: Path
    size: Tuple[int, int]
    cam2img: np.ndarray
    objects: Optional[KittiObjects] = None
    labels: Optional[Path] = None
    evaluation: Dict[str, Any] = field(default_factory=dict)
    entries: Dict[str, Any] = field(default_factory=dict)


class MonoDataset(Det3DDataset):
    """Yields mmdet3d's sample format of :meth:`read_frame`'s frames.

    ``ann_info`` holds, for the N objects of the trained classes:

    - ``gt_bboxes_3d``: CameraInstance3DBoxes, bottom centre, (l, h, w), metres.
    - ``gt_labels_3d``, ``gt_bboxes_labels``: (N,) indices into ``classes``.
    - ``gt_bboxes``: (N, 4) 2D boxes, pixels.
    - ``centers_2d``: (N, 2) projected 3D centres, pixels.
    - ``depths``: (N,) camera z of the 3D centres, metres.
    - ``truncations``, ``occlusions``, ``alphas``: (N,) as in KITTI's label files.
    - ``gt_bboxes_ignore``: (D, 4) DontCare regions, pixels.

    ``images['CAM2']`` holds the image's path, width and height and the 4x4 ``cam2img``,
    and ``frame`` the frame's name. In test mode ``eval_ann_info`` holds what the metric
    needs.

    Args:
        data_root: folder of the set.
        ann_file: split file, relative to ``data_root``: one frame name a line.
        on_error: ``'stop'`` raises at the first broken frame: of labels, calibrations and
            headers of images when the dataset is built, of the rest when it is loaded.
            ``'skip'`` checks every file of every frame when the dataset is built and leaves
            the broken frames out; :attr:`skipped` tells which and why.

    Attributes:
        skipped: what is broken, by name of the frame.

    Raises:
        InputError: a frame is broken, or with ``'skip'`` every one.
    """

    def __init__(self, data_root: str, ann_file: str, on_error: str = 'stop',
                 **kwargs: Any) -> None:
        if on_error not in ('stop', 'skip'):
            raise InputError(f"on_error is {on_error!r}, expected 'stop' or 'skip'")
        self.on_error = on_error
        self.skipped: Dict[str, str] = {}
        super().__init__(
            data_root=data_root, ann_file=ann_file,
            modality=dict(use_camera=True, use_lidar=False), default_cam_key=CAMERA,
            box_type_3d='Camera', **kwargs)

    @abstractmethod
    def frame_names(self) -> List[str]:
        """Names of all frames of the set, in order."""

    def __getitem__(self, index: int) -> dict:
        with sample_randomness(index):
            return super().__getitem__(int(index))

    @abstractmethod
    def read_frame(self, name: str) -> MonoFrame:
        """Reads what the files tell of a frame.

        Raises:
            InputError: a file is missing or malformed; the message names it.
        """

    def load_data_list(self) -> List[dict]:
        """Reads what the files tell of every frame."""
        names = self.frame_names()
        infos = ([self.parse_data_info(dict(frame=name)) for name in names]
                 if self.on_error == 'stop' else self._whole_frames(names))
        for info in infos:
            for item in info['instances']:
                label = self.label_mapping[item['bbox_label_3d']]
                if label >= 0:
                    self.num_ins_per_cat[label] += 1
        return infos

    def _whole_frames(self, names: List[str]) -> List[dict]:
        """Samples of the frames of which every file is readable, the same in all processes."""
        infos = []
        for name in names:
            try:
                infos.append(self.parse_data_info(dict(frame=name)))
            except InputError as error:
                self.skipped[name] = str(error)
        found: Dict[str, str] = {}
        for share in all_gather_object({**self.skipped, **unreadable_frames(infos)}):
            found.update(share)
        self.skipped = {name: found[name] for name in names if name in found}
        title = self.ann_file or self.data_root
        if len(self.skipped) == len(names):
            raise InputError(f'{title}: all {len(names)} frames are broken, the first one: '
                             f'{self.skipped[names[0]]}')
        if self.skipped:
            share = 100 * len(self.skipped) / len(names)
            print_log(f'{title}: {len(self.skipped)} of {len(names)} frames ({share:.1f} %) are '
                      'broken and left out', 'current', level=logging.WARNING)
        return [info for info in infos if info['frame'] not in self.skipped]

    def parse_data_info(self, info: dict) -> dict:
        """Completes ``dict(frame=NAME)`` to mmdet3d's sample format."""
        frame = self.read_frame(info['frame'])
        self._check_values(frame)
        width, height = frame.size
        info.update(
            frame.entries,
            img_path=str(frame.image),
            cam2img=frame.cam2img,
            images={CAMERA: dict(img_path=str(frame.image), cam2img=frame.cam2img, width=width,
                                 height=height)},
            instances=[])
        if frame.objects is not None:
            info['instances'] = self._instances(frame.objects, frame.cam2img)
            if self.test_mode and self.load_eval_anns:
                info['eval_ann_info'] = frame.evaluation
        if not self.test_mode:
            info['ann_info'] = self.parse_ann_info(info)
        return info

    def _check_values(self, frame: MonoFrame) -> None:
        """Raises InputError unless the camera projects and trained objects have a size."""
        focal_lengths = frame.cam2img[[0, 1], [0, 1]]
        if not np.isfinite(frame.cam2img).all() or (focal_lengths <= 0).any():
            raise InputError(f'{frame.image}: its calibration is no camera matrix (a focal length '
                             'is not positive, or a value is not finite); restore it')
        if frame.objects is None:
            return
        trained = frame.objects[np.isin(frame.objects.names, self.metainfo['classes'])]
        sizes = trained.sizes_hwl.astype(np.float32)  # as they are trained on
        numbers = np.column_stack([trained.boxes_2d, sizes, trained.locations,
                                   trained.rotations_y])
        broken = ~(np.isfinite(numbers).all(axis=1) & (sizes > 0).all(axis=1))
        if broken.any():
            raise InputError(f'{frame.labels or frame.image}: a {trained.names[broken][0]} whose '
                             'size is not positive, or with a value that is not finite; mend or '
                             'remove its label')

    def _instances(self, objects: KittiObjects, cam2img: np.ndarray) -> List[dict]:
        """mmdet3d's ``instances``: one dict an object; label -1 is not trained."""
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
                bbox_label=(label := classes.index(name) if name in classes else -1),
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
        """Annotations of the trained classes, as arrays; see the class."""
        instances = info['instances']
        labels = np.array([self.label_mapping[item['bbox_label_3d']] for item in instances],
                          dtype=np.int64)
        kept = [item for item, label in zip(instances, labels) if label >= 0]
        labels = labels[labels >= 0]

        def column(key: str, *shape: int) -> np.ndarray:
            return np.array([item[key] for item in kept],
                            dtype=np.float32).reshape(len(kept), *shape)

        ignored = [item['bbox'] for item in instances if item['name'] == DONT_CARE]
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
            gt_bboxes_ignore=np.array(ignored, dtype=np.float32).reshape(-1, 4),
            instances=instances)


def unreadable_frames(infos: Sequence[dict]) -> Dict[str, str]:
    """Decodes the image, and depth map, of every frame: what is wrong with some, by name.

    Every one of several processes decodes its share, and tells of that alone.
    """
    rank, world_size = get_dist_info()
    share = infos[rank::world_size]
    # Threads, since decoding holds no lock of Python's.
    with ThreadPoolExecutor(available_cores()) as pool:
        reasons = list(tqdm(pool.map(_decoding_error, share), desc='checking frames',
                            total=len(share), unit='frame', dynamic_ncols=True,
                            disable=None if is_main_process() else True))
    return {info['frame']: reason for info, reason in zip(share, reasons) if reason}


def _decoding_error(info: dict) -> Optional[str]:
    try:
        results = LoadImageMono3D().transform(dict(info))
        if 'depth_path' in info:
            LoadDepthMap().transform(results)
    except InputError as error:
        return str(error)
    return None
