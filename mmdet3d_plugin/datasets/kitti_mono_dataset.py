"""KITTI object detection as it lies on disk, for monocular detectors."""
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from mmdet3d.datasets import Det3DDataset
from mmdet3d.registry import DATASETS
from mmdet3d.structures import CameraInstance3DBoxes, points_cam2img
from PIL import Image, UnidentifiedImageError

from ..errors import InputError
from ..kitti import KittiObjects, read_calibration, read_objects, read_split
from ..kitti.objects import DONT_CARE

CAMERA = 'CAM2'


def image_size(path: Path) -> Tuple[int, int]:
    """Width and height, from the file's header."""
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f'{path}: not a readable image; restore the file') from error


@DATASETS.register_module()
class KittiMonoDataset(Det3DDataset):
    """Reads ``image_2``, ``label_2``, ``calib`` and a split file directly.

    Yields mmdet3d's sample format. ``ann_info`` holds, for the N objects of the
    trained classes:

    - ``gt_bboxes_3d``: CameraInstance3DBoxes, bottom centre, (l, h, w), metres.
    - ``gt_labels_3d``, ``gt_bboxes_labels``: (N,) indices into ``classes``.
    - ``gt_bboxes``: (N, 4) 2D boxes, pixels.
    - ``centers_2d``: (N, 2) projected 3D centres, pixels.
    - ``depths``: (N,) camera z of the 3D centres, metres.
    - ``truncations``, ``occlusions``, ``alphas``: (N,) as in the label file.
    - ``gt_bboxes_ignore``: (D, 4) DontCare regions, pixels.

    ``images['CAM2']`` holds the image's path, width and height and the 4x4
    ``cam2img`` with P2's translation, and ``frame`` the frame's name. In test mode
    ``eval_ann_info`` holds every object of the file, for the metric, as
    ``kitti_objects``.

    Args:
        data_root: folder with ``training`` (and ``testing``, ``ImageSets``).
        ann_file: split file, relative to ``data_root``.
        data_prefix: folders of images, labels, calibrations (and depth), relative to
            ``data_root``. Without ``label`` the frames have no annotations; with
            ``depth`` they have a dense depth map, ``depth_path``.
        reference: takes P2[2, 3] for 0, as MonoLSS's released code does, which
            projects centres by dividing by z.

    Raises:
        InputError: a file is missing or malformed; the message names it.
    """

    METAINFO = dict(classes=('Pedestrian', 'Car', 'Cyclist', 'Van', 'Person_sitting',
                             'Truck', 'Tram', 'Misc'))

    def __init__(self,
                 data_root: str,
                 ann_file: str,
                 data_prefix: Optional[Dict[str, str]] = None,
                 reference: bool = False,
                 **kwargs: Any) -> None:
        if data_prefix is None:
            data_prefix = dict(img='training/image_2', label='training/label_2',
                               calib='training/calib')
        self.has_labels = 'label' in data_prefix
        self.reference = reference
        super().__init__(
            data_root=data_root,
            ann_file=ann_file,
            data_prefix=data_prefix,
            modality=dict(use_camera=True, use_lidar=False),
            default_cam_key=CAMERA,
            box_type_3d='Camera',
            **kwargs)

    def load_data_list(self) -> List[dict]:
        """Reads the split and every frame's label and calibration."""
        names = read_split(self.ann_file)
        return [self.parse_data_info(dict(frame=name)) for name in names]

    def parse_data_info(self, info: dict) -> dict:
        """Completes ``dict(frame=NAME)`` to mmdet3d's sample format."""
        name = info['frame']
        folders = {key: Path(value) for key, value in self.data_prefix.items()}
        image = folders['img'] / f'{name}.png'
        if not image.is_file():
            raise InputError(f'{image}: no such image, but {self.ann_file} names this frame; '
                             'add the image or remove the frame from the split')
        width, height = image_size(image)
        cam2img = read_calibration(folders['calib'] / f'{name}.txt').cam2img
        if self.reference:
            cam2img[2, 3] = 0.
        if 'depth' in folders:
            depth = folders['depth'] / f'{name}.png'
            if not depth.is_file():
                raise InputError(f'{depth}: no dense depth for this frame; add the file, or '
                                 'remove depth from data_prefix')
            info['depth_path'] = str(depth)
        info.update(
            img_path=str(image),
            cam2img=cam2img,
            images={CAMERA: dict(img_path=str(image), cam2img=cam2img, width=width,
                                 height=height)},
            instances=[])
        if self.has_labels:
            objects = read_objects(folders['label'] / f'{name}.txt')
            info['instances'] = self._instances(objects, cam2img)
            for item in info['instances']:
                label = self.label_mapping[item['bbox_label_3d']]
                if label >= 0:
                    self.num_ins_per_cat[label] += 1
            if self.test_mode and self.load_eval_anns:
                info['eval_ann_info'] = dict(kitti_objects=objects)
        if not self.test_mode:
            info['ann_info'] = self.parse_ann_info(info)
        return info

    def _instances(self, objects: KittiObjects, cam2img: np.ndarray) -> List[dict]:
        """mmdet3d's ``instances``: one dict an object; label -1 is not trained."""
        classes: Sequence[str] = self.METAINFO['classes']
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
