"""What auxiliaries see of a batch's labels."""
from dataclasses import dataclass
from typing import Optional, Tuple

import torch
from mmdet3d.structures import CameraInstance3DBoxes

from ...errors import InputError
from ...geometry import project_to_image
from ..task_modules.input_geometry import InputGeometry

DEPTH_SPACES = ('metric', 'apparent')
NUM_KEYPOINTS = 9


@dataclass
class AuxiliaryObjects:
    """The M objects of a batch of B images.

    Attributes:
        image_index: (M,) long, the image of each object.
        centers: (M, 2) projected 3D centres, feature pixels.
        boxes: (M, 4) 2D boxes (left, top, right, bottom), feature pixels.
        depths: (M,) camera z, metres.
        zooms: (M,) input pixels an original pixel.
        keypoints: (M, 9, 2) projected corners of the 3D boxes and their centres,
            feature pixels; None where the input's affine is not known.
        keypoints_in_front: (M, 9) bool, which of them lie in front of the camera.
    """
    image_index: torch.Tensor
    centers: torch.Tensor
    boxes: torch.Tensor
    depths: torch.Tensor
    zooms: torch.Tensor
    keypoints: Optional[torch.Tensor] = None
    keypoints_in_front: Optional[torch.Tensor] = None

    def __len__(self) -> int:
        return len(self.depths)

    def depths_in(self, space: str) -> torch.Tensor:
        """(M,) depths in ``'metric'`` space (camera z, metres) or ``'apparent'``
        space: z / zoom, the depth at which an object of the original image would
        look as large as it does in the input."""
        return self.depths if space == 'metric' else self.depths / self.zooms


def check_depth_space(space: str) -> str:
    """The space; raises InputError for one that is not known."""
    if space not in DEPTH_SPACES:
        raise InputError(f"depth_space is {space!r}, expected 'metric' or 'apparent'")
    return space


def project_keypoints(boxes_3d: torch.Tensor, geometry: InputGeometry,
                      stride: float) -> Tuple[torch.Tensor, torch.Tensor]:
    """Corners and centres of 3D boxes in the feature map.

    Args:
        boxes_3d: (M, 7) in the layout of CameraInstance3DBoxes, metres and radians.
        geometry: of the M objects.
        stride: input pixels a feature pixel.

    Returns:
        (M, 9, 2) feature pixels, corners in mmdet3d's order, then the centre; (M, 9)
        bool, which of them lie in front of the camera. The others' pixels mean nothing.
    """
    boxes = CameraInstance3DBoxes(boxes_3d)
    points = torch.cat([boxes.corners.view(-1, 8, 3), boxes.gravity_center[:, None]], dim=1)
    cameras = geometry.cam2img.repeat_interleave(NUM_KEYPOINTS, dim=0)
    pixels = project_to_image(points.flatten(0, 1), cameras).view(-1, NUM_KEYPOINTS, 2)
    return geometry.to_input(pixels) / stride, points[..., 2] > 0
