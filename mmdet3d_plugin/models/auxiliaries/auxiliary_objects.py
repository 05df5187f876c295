"""The objects of a batch, as auxiliaries see them."""
from dataclasses import dataclass
from typing import Dict, Optional, Sequence, Tuple

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
        image_index, labels: (M,) long, the image and the class of each object.
        centers: (M, 2) projected 3D centres, feature pixels.
        boxes: (M, 4) 2D boxes (left, top, right, bottom), feature pixels.
        depths: (M,) camera z, metres.
        zooms: (M,) input pixels an original pixel.
        boxes_3d: (M, 7) in the layout of CameraInstance3DBoxes, metres and radians.
        geometry: their cameras and affines; None where the input's affine is not known.
        stride: input pixels a feature pixel.
    """
    image_index: torch.Tensor
    labels: torch.Tensor
    centers: torch.Tensor
    boxes: torch.Tensor
    depths: torch.Tensor
    zooms: torch.Tensor
    boxes_3d: torch.Tensor
    geometry: Optional[InputGeometry]
    stride: float

    def __len__(self) -> int:
        return len(self.depths)

    def __getitem__(self, index: torch.Tensor) -> 'AuxiliaryObjects':
        """Some of the objects, by (N,) indices."""
        return AuxiliaryObjects(
            *(item[index] for item in (self.image_index, self.labels, self.centers, self.boxes,
                                       self.depths, self.zooms, self.boxes_3d)),
            None if self.geometry is None else self.geometry.of_objects(index), self.stride)

    def depths_in(self, space: str) -> torch.Tensor:
        """(M,) depths in ``'metric'`` space (camera z, metres) or ``'apparent'``
        space: z / zoom, the depth at which an object of the original image would
        look as large as it does in the input."""
        return self.depths if space == 'metric' else self.depths / self.zooms

    def keypoints(self) -> Tuple[torch.Tensor, torch.Tensor]:
        """Corners and centres of the 3D boxes in the feature map.

        Returns:
            (M, 9, 2) feature pixels, corners in mmdet3d's order, then the centre; (M, 9)
            bool, which of them lie in front of the camera. The others' pixels mean nothing.

        Raises:
            InputError: the input's affine is not known.
        """
        if self.geometry is None:
            raise InputError("the corners of 3D boxes in the input are known for this project's "
                             'CropScaleAffine only; use it, or leave out what needs them')
        boxes = CameraInstance3DBoxes(self.boxes_3d)
        points = torch.cat([boxes.corners.view(-1, 8, 3), boxes.gravity_center[:, None]], dim=1)
        cameras = self.geometry.cam2img.repeat_interleave(NUM_KEYPOINTS, dim=0)
        pixels = project_to_image(points.flatten(0, 1), cameras).view(-1, NUM_KEYPOINTS, 2)
        return self.geometry.to_input(pixels) / self.stride, points[..., 2] > 0


def inside_map(points: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """(..., 2) feature pixels -> (...) bool, whether they lie in a map of (H, W)."""
    x, y = points.unbind(-1)
    return (x >= 0) & (x < size[1]) & (y >= 0) & (y < size[0])


def add_losses(losses: Dict[str, torch.Tensor], more: Dict[str, torch.Tensor]) -> None:
    """Adds an auxiliary's losses, in place.

    Raises:
        InputError: a loss of this name is there already.
    """
    twice = sorted(losses.keys() & more.keys())
    if twice:
        raise InputError(f'two auxiliaries give {twice[0]}; tell them apart by their name')
    losses.update(more)


def check_depth_space(space: str) -> str:
    """The space; raises InputError for one that is not known."""
    if space not in DEPTH_SPACES:
        raise InputError(f"depth_space is {space!r}, expected 'metric' or 'apparent'")
    return space
