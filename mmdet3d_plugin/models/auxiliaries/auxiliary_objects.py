"""Ground-truth objects of a batch for auxiliary supervision."""
from dataclasses import dataclass
from typing import Dict, Optional, Sequence, Tuple

import torch

from ...errors import InputError
from ..task_modules.box_keypoints import project_keypoints
from ..task_modules.input_geometry import InputGeometry

DEPTH_SPACES = ('metric', 'apparent')


@dataclass
class AuxiliaryObjects:
    """M objects in a batch of B images.

    Attributes:
        image_index: (M,) long, image of each object.
        labels: (M,) long, class of each object.
        centers: (M, 2) projected 3D centres, feature pixels.
        boxes: (M, 4) 2D boxes (left, top, right, bottom), feature pixels.
        depths: (M,) camera z, metres.
        zooms: (M,) input pixels per original pixel.
        boxes_3d: (M, 7) in the layout of CameraInstance3DBoxes, metres and radians.
        geometry: cameras and affines of the objects; None if the input's affine is unknown.
        stride: input pixels per feature pixel.
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
        """Select objects by (N,) indices."""
        geometry = None if self.geometry is None else self.geometry.of_objects(index)
        per_object = {name: getattr(self, name)[index] for name in (
            'image_index', 'labels', 'centers', 'boxes', 'depths', 'zooms', 'boxes_3d')}
        return AuxiliaryObjects(**per_object, geometry=geometry, stride=self.stride)

    def depths_in(self, space: str) -> torch.Tensor:
        """Return (M,) depths in a depth space, metres.

        Args:
            space: ``'metric'`` for camera z, or ``'apparent'`` for z / zoom. At its apparent
                depth an object would be as large in the original image as it is in the input.
        """
        return self.depths if space == 'metric' else self.depths / self.zooms

    def keypoints(self) -> Tuple[torch.Tensor, torch.Tensor]:
        """Project corners and centres of the 3D boxes to the feature map.

        Returns:
            (M, 9, 2) feature pixels: 8 corners in mmdet3d's order and the centre. (M, 9) bool,
            True for points in front of the camera. The pixels of other points are undefined.

        Raises:
            InputError: the input's affine is unknown.
        """
        if self.geometry is None:
            raise InputError("the corners of 3D boxes in the input are known for this project's "
                             'CropScaleAffine only; use it, or remove the auxiliary that '
                             'needs them')
        return project_keypoints(self.boxes_3d, self.geometry, self.stride)


def inside_map(points: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Return whether points lie inside a feature map.

    Args:
        points: (..., 2) feature pixels.
        size: (H, W).

    Returns:
        (...) bool.

    Example:
        >>> inside_map(torch.tensor([[0., 1.], [4., 1.]]), size=(2, 4))
        tensor([ True, False])
    """
    x, y = points.unbind(-1)
    return (x >= 0) & (x < size[1]) & (y >= 0) & (y < size[0])


def add_losses(losses: Dict[str, torch.Tensor], more: Dict[str, torch.Tensor]) -> None:
    """Add the losses and log values of an auxiliary, in place.

    Raises:
        InputError: a key exists already.
    """
    duplicates = sorted(losses.keys() & more.keys())
    if duplicates:
        raise InputError(f'two auxiliaries return {duplicates[0]}; give them different names')
    losses.update(more)


def check_depth_space(space: str) -> str:
    """Return the depth space; raise InputError if it is unknown."""
    if space not in DEPTH_SPACES:
        raise InputError(f"depth_space is {space!r}, expected 'metric' or 'apparent'")
    return space
