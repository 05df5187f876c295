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
        inverse_affine: (B, 3, 3) input pixels to original pixels.
    """
    cam2img: torch.Tensor
    affine: torch.Tensor
    inverse_affine: torch.Tensor

    @classmethod
    def from_metas(cls, metas: Sequence[dict], device: torch.device) -> 'InputGeometry':
        """From the ``cam2img`` and ``affine`` of each image's meta information."""
        def to_device(matrices: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(matrices.astype(np.float32)).to(device, non_blocking=True)

        affine = np.stack([meta['affine'] for meta in metas])
        # Inverted here: on a GPU it would make the host wait.
        return cls(to_device(np.stack([meta['cam2img'] for meta in metas])), to_device(affine),
                   to_device(np.linalg.inv(affine)))

    def of_objects(self, image_index: torch.Tensor) -> 'InputGeometry':
        """Geometry of M objects, given the (M,) index of each one's image."""
        return InputGeometry(self.cam2img[image_index], self.affine[image_index],
                             self.inverse_affine[image_index])

    @property
    def zoom(self) -> torch.Tensor:
        """(B,) input pixels an original pixel: how much nearer things look."""
        return self.affine[:, 0, 0]

    def to_original(self, points: torch.Tensor) -> torch.Tensor:
        """(M, ..., 2) input pixels -> original pixels."""
        return apply_affine(points, self.inverse_affine)
