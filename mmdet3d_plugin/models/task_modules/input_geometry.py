"""What ties network inputs to the world: cameras and input affines."""
from dataclasses import dataclass
from typing import Sequence

import numpy as np
import torch

from ...geometry import apply_affine


@dataclass
class InputGeometry:
    """Cameras and affines of B images, or of M objects in them.

    Attributes:
        cam2img: (B, 4, 4) camera frame to original pixels.
        affine: (B, 3, 3) original pixels to input pixels.
    """
    cam2img: torch.Tensor
    affine: torch.Tensor

    @classmethod
    def from_metas(cls, metas: Sequence[dict], device: torch.device) -> 'InputGeometry':
        """From the ``cam2img`` and ``affine`` of each image's meta information."""
        def stack(key: str) -> torch.Tensor:
            values = np.stack([np.asarray(meta[key], dtype=np.float32) for meta in metas])
            return torch.from_numpy(values).to(device, non_blocking=True)

        return cls(stack('cam2img'), stack('affine'))

    def of_objects(self, image_index: torch.Tensor) -> 'InputGeometry':
        """Geometry of M objects, given the (M,) index of each one's image."""
        return InputGeometry(self.cam2img[image_index], self.affine[image_index])

    @property
    def zoom(self) -> torch.Tensor:
        """(B,) input pixels an original pixel: how much nearer things look."""
        return self.affine[:, 0, 0]

    def to_original(self, points: torch.Tensor) -> torch.Tensor:
        """(M, ..., 2) input pixels -> original pixels."""
        return apply_affine(points, torch.linalg.inv(self.affine))

    def to_input(self, points: torch.Tensor) -> torch.Tensor:
        """(M, ..., 2) original pixels -> input pixels."""
        return apply_affine(points, self.affine)
