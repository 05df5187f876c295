"""Keypoints of 3D boxes in the feature map: the projected corners and the projected centre."""
from typing import Tuple

import torch
from mmdet3d.structures import CameraInstance3DBoxes

from ...geometry import project_to_image
from .input_geometry import InputGeometry

NUM_KEYPOINTS = 9


def project_keypoints(boxes_3d: torch.Tensor, geometry: InputGeometry,
                      stride: float) -> Tuple[torch.Tensor, torch.Tensor]:
    """Project corners and centres of 3D boxes to the feature map.

    Args:
        boxes_3d: (M, 7) in the layout of CameraInstance3DBoxes, metres and radians.
        geometry: geometry of the M boxes.
        stride: input pixels per feature pixel.

    Returns:
        (M, 9, 2) feature pixels: 8 corners in mmdet3d's order and the centre. (M, 9) bool, True
        for points in front of the camera. The pixels of other points are undefined.

    Example:
        >>> camera = torch.tensor([[[700., 0., 600., 0.], [0., 700., 180., 0.],
        ...                         [0., 0., 1., 0.], [0., 0., 0., 1.]]])
        >>> box = torch.tensor([[0., 1., 20., 4., 2., 2., 0.]])  # centre at height 0
        >>> pixels, in_front = project_keypoints(box, InputGeometry(camera, torch.eye(3)[None]), 4)
        >>> pixels[0, 8], in_front.all()
        (tensor([150.,  45.]), tensor(True))
    """
    boxes = CameraInstance3DBoxes(boxes_3d)
    points = torch.cat([boxes.corners.view(-1, 8, 3), boxes.gravity_center[:, None]], dim=1)
    cameras = geometry.cam2img.repeat_interleave(NUM_KEYPOINTS, dim=0)
    pixels = project_to_image(points.flatten(0, 1), cameras).view(-1, NUM_KEYPOINTS, 2)
    return geometry.to_input(pixels) / stride, points[..., 2] > 0
