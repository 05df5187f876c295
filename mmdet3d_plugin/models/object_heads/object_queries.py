"""Inputs of the 3D head besides the feature map."""
from dataclasses import dataclass

import torch

from ..task_modules.input_geometry import InputGeometry


@dataclass
class ObjectQueries:
    """M objects in B images.

    Attributes:
        image_index: (M,) long, image of each object.
        labels: (M,) long, class of each object.
        cells: (M, 2) long, column and row of each object's heatmap peak.
        boxes: (M, 4) 2D boxes, feature pixels.
        mean_sizes: (M, 3) mean height, width, length of each object's class, metres.
        zooms: (M,) input pixels per original pixel. An object looks nearer by this factor.
        geometry: geometry of the M objects.
        stride: input pixels per feature pixel.
    """
    image_index: torch.Tensor
    labels: torch.Tensor
    cells: torch.Tensor
    boxes: torch.Tensor
    mean_sizes: torch.Tensor
    zooms: torch.Tensor
    geometry: InputGeometry
    stride: int

    @property
    def image_heights(self) -> torch.Tensor:
        """Heights of the 2D boxes, (M,), original pixels."""
        return self.geometry.original_heights(self.boxes * self.stride)

    @property
    def focal_lengths(self) -> torch.Tensor:
        """Vertical focal lengths, (M,), original pixels."""
        return self.geometry.cam2img[:, 1, 1]
