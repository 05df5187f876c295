"""What is known of objects before the 3D head looks at them."""
from dataclasses import dataclass

import torch

from ..task_modules.input_geometry import InputGeometry


@dataclass
class ObjectQueries:
    """M objects in B images.

    Attributes:
        image_index, labels: (M,) long, the image and the class of each object.
        cells: (M, 2) long, column and row of its heatmap peak.
        boxes: (M, 4) 2D boxes, feature pixels.
        mean_sizes: (M, 3) height, width, length of its class, metres.
        geometry: of the M objects.
        stride: input pixels a feature pixel.
    """
    image_index: torch.Tensor
    labels: torch.Tensor
    cells: torch.Tensor
    boxes: torch.Tensor
    mean_sizes: torch.Tensor
    geometry: InputGeometry
    stride: int

    @property
    def zooms(self) -> torch.Tensor:
        """(M,) input pixels an original pixel."""
        return self.geometry.zooms(self.boxes * self.stride)

    @property
    def image_heights(self) -> torch.Tensor:
        """(M,) heights of the 2D boxes, original pixels."""
        return self.geometry.original_heights(self.boxes * self.stride)

    @property
    def focal_lengths(self) -> torch.Tensor:
        """(M,) vertical focal lengths, original pixels."""
        return self.geometry.cam2img[:, 1, 1]
