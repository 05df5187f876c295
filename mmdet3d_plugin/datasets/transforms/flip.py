"""Horizontal mirror of the image, its camera and its objects."""
import math

import numpy as np
from mmdet3d.datasets.transforms import RandomFlip3D
from mmdet3d.registry import TRANSFORMS

from ...geometry import wrap_angle
from ...structures.cameras import flip_camera


@TRANSFORMS.register_module()
class RandomFlipMono3D(RandomFlip3D):
    """mmdet3d's RandomFlip3D with a camera that is mirrored exactly.

    The stock transform leaves the camera's translation unmirrored, which moves
    every object by about 12 cm on KITTI. This one also mirrors ``alphas``, DontCare
    regions and dense depth. Apply it before any affine of the image.

    Args:
        prob: probability of the mirror.
    """

    def __init__(self, prob: float = 0.5) -> None:
        super().__init__(sync_2d=True, flip_ratio_bev_horizontal=float(prob))

    def random_flip_data_3d(self, input_dict: dict, direction: str = 'horizontal') -> None:
        width = input_dict['img_shape'][1]
        input_dict['cam2img'] = flip_camera(input_dict['cam2img'], width)
        if 'gt_bboxes_3d' in input_dict:
            boxes = input_dict['gt_bboxes_3d']
            boxes.flip(direction)
            boxes.tensor[:, 6] = wrap_angle(boxes.tensor[:, 6])
        if 'centers_2d' in input_dict:
            mirrored = input_dict['centers_2d'].copy()
            mirrored[:, 0] = width - mirrored[:, 0]
            input_dict['centers_2d'] = mirrored
        if 'gt_depth_map' in input_dict:
            input_dict['gt_depth_map'] = input_dict['gt_depth_map'][:, ::-1]
        if 'alphas' in input_dict:
            input_dict['alphas'] = wrap_angle(math.pi - input_dict['alphas'])
        if 'gt_bboxes_ignore' in input_dict:
            left, top, right, bottom = input_dict['gt_bboxes_ignore'].T
            input_dict['gt_bboxes_ignore'] = np.stack(
                [width - right, top, width - left, bottom], axis=1)
