"""Model predictions as KITTI objects."""
from typing import Optional, Sequence

import numpy as np
from mmdet3d.structures import CameraInstance3DBoxes

from ..structures.angles import observation_angle, wrap_angle
from ..structures.cameras import projected_boxes
from ..structures.object_table import ObjectTable

# KITTI's placeholders in result files, where truncation and occlusion are unknown.
UNKNOWN = -1


def predictions_to_table(sample: dict, class_names: Sequence[str]) -> ObjectTable:
    """Detections of one image as KITTI objects, any monocular detector's.

    Detectors without 2D boxes or observation angles (SMOKE, FCOS3D) get those
    of their 3D boxes: the clipped box around the projected corners, and the yaw
    relative to the ray to the box's centre.

    Args:
        sample: a Det3DDataSample as a dict, with ``pred_instances_3d``,
            optionally ``pred_instances``, and the image's meta information.
        class_names: name of each label.
    """
    instances = sample['pred_instances_3d']
    boxes: CameraInstance3DBoxes = instances['bboxes_3d'].to('cpu')
    tensor = boxes.tensor.detach().double().numpy()
    labels = instances['labels_3d'].cpu().numpy().astype(int)
    cam2img = np.asarray(sample['cam2img'], dtype=np.float64)
    height, width = sample['ori_shape'][:2]

    alphas = _optional(instances, 'alphas')
    if alphas is None:
        alphas = observation_angle(tensor[:, 6], tensor)
    boxes_2d = _optional(sample.get('pred_instances') or {}, 'bboxes')
    if boxes_2d is None or len(boxes_2d) != len(tensor):
        boxes_2d = projected_boxes(boxes.corners.double().numpy(), cam2img)
    boxes_2d = boxes_2d.clip(0, [width, height, width, height])
    return ObjectTable(
        names=np.array([class_names[label] for label in labels], dtype=str),
        truncations=np.full(len(tensor), UNKNOWN, dtype=np.float64),
        occlusions=np.full(len(tensor), UNKNOWN, dtype=np.int64),
        alphas=alphas.astype(np.float64),
        boxes_2d=boxes_2d.astype(np.float64),
        sizes_hwl=tensor[:, [4, 5, 3]],
        locations=tensor[:, :3],
        rotations_y=wrap_angle(tensor[:, 6]),
        scores=instances['scores_3d'].cpu().double().numpy())


def _optional(instances: dict, key: str) -> Optional[np.ndarray]:
    value = instances.get(key) if hasattr(instances, 'get') else None
    return None if value is None else value.detach().cpu().numpy()
