"""Conversion of model predictions to object tables."""
from typing import Sequence

import numpy as np
from mmdet3d.structures import CameraInstance3DBoxes

from ..structures.angles import observation_angle, wrap_angle
from ..structures.cameras import projected_boxes
from ..structures.object_table import ObjectTable

# KITTI's value for unknown truncation and occlusion in result files.
UNKNOWN = -1


def predictions_to_table(sample: dict, class_names: Sequence[str],
                         clip_boxes: bool = True) -> ObjectTable:
    """Convert the predictions of any monocular detector for one image to an object table.

    For detectors without 2D boxes or observation angles (SMOKE, FCOS3D) these come from the 3D
    boxes: the 2D box surrounds the projected corners, and the observation angle is the yaw
    relative to the viewing ray.

    Args:
        sample: a Det3DDataSample as a dict: N ``pred_instances_3d`` with ``bboxes_3d``,
            ``labels_3d``, ``scores_3d`` and optionally ``alphas``, optionally N
            ``pred_instances`` with ``bboxes`` in pixels of the original image, ``cam2img`` and
            ``ori_shape``.
        class_names: class name of each label.
        clip_boxes: whether 2D boxes are clipped to the image.

    Returns:
        Table of N objects with scores, in metres, radians and pixels of the original image.

    Example:
        >>> import torch
        >>> sample = dict(
        ...     cam2img=np.array([[700., 0., 600., 0.], [0., 700., 180., 0.], [0., 0., 1., 0.]]),
        ...     ori_shape=(375, 1242), pred_instances_3d=dict(
        ...         bboxes_3d=CameraInstance3DBoxes([[0., 1.6, 22., 4., 1.5, 1.6, 0.]]),
        ...         labels_3d=torch.tensor([0]), scores_3d=torch.tensor([0.5])))
        >>> table = predictions_to_table(sample, ['Car'])
        >>> table.names.tolist(), table.boxes_2d.round().tolist()
        (['Car'], [[534.0, 183.0, 666.0, 233.0]])
    """
    instances = sample['pred_instances_3d']
    boxes: CameraInstance3DBoxes = instances['bboxes_3d'].to('cpu')
    tensor = boxes.tensor.detach().double().numpy()
    labels = instances['labels_3d'].cpu().numpy().astype(int)
    cam2img = np.asarray(sample['cam2img'], dtype=np.float64)
    height, width = sample['ori_shape'][:2]

    if 'alphas' in instances:
        alphas = instances['alphas'].detach().cpu().numpy()
    else:
        alphas = observation_angle(tensor[:, 6], tensor)
    found_2d = (sample.get('pred_instances') or {}).get('bboxes')
    if found_2d is not None and len(found_2d) == len(tensor):
        boxes_2d = found_2d.detach().cpu().numpy()
    else:
        boxes_2d = projected_boxes(boxes.corners.double().numpy(), cam2img)
    if clip_boxes:
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
