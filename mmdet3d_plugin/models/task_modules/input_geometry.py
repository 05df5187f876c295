"""Cameras and affines that relate network inputs to the original images and to metres."""
from dataclasses import dataclass
from typing import List, Sequence, Tuple

import numpy as np
import torch

from ...geometry import apply_affine, inverse_of_affine


@dataclass
class InputGeometry:
    """Cameras and affines of B images, or of M objects in them.

    Attributes:
        cam2img: (B, 4, 4) camera frame to original pixels.
        inverse_affine: (B, 3, 3) input pixels to original pixels.
    """
    cam2img: torch.Tensor
    inverse_affine: torch.Tensor

    @classmethod
    def from_metas(cls, metas: Sequence[dict], device: torch.device) -> 'InputGeometry':
        """Build from the ``cam2img`` and ``affine`` of each image's meta information.

        Args:
            metas: B dictionaries with ``cam2img`` (4, 4) and ``affine`` (3, 3), original to
                input pixels. :class:`ReferenceGeometry` also reads ``ori_shape`` and
                ``img_shape``.
            device: device of the result.
        """
        def to_device(matrices: List[np.ndarray]) -> torch.Tensor:
            stacked = torch.from_numpy(np.stack(matrices).astype(np.float32))
            return stacked.to(device, non_blocking=True)

        # Inverted with numpy, because torch's inverse on a GPU makes the host wait.
        return cls(to_device([cls._camera(meta) for meta in metas]),
                   to_device([cls._inverse_affine(meta) for meta in metas]))

    @classmethod
    def from_matrices(cls, cam2img: torch.Tensor, affine: torch.Tensor,
                      input_size: Tuple[int, int]) -> 'InputGeometry':
        """Build from matrices on the device, with operations that ONNX has.

        Args:
            cam2img: (B, 3 or 4, 4) camera frame to original pixels.
            affine: (B, 3, 3) original to input pixels, without rotation.
                :class:`ReferenceGeometry` needs that of the whole image.
            input_size: (width, height) of the input, pixels.

        Example:
            >>> affine = torch.tensor([[[2., 0., 6.], [0., 4., 8.], [0., 0., 1.]]])
            >>> geometry = InputGeometry.from_matrices(torch.eye(4)[None], affine, (640, 192))
            >>> geometry.to_original(torch.tensor([[6., 8.]]))
            tensor([[0., 0.]])
        """
        return cls(cam2img, inverse_of_affine(affine))

    @staticmethod
    def _camera(meta: dict) -> np.ndarray:
        return meta['cam2img']

    @staticmethod
    def _inverse_affine(meta: dict) -> np.ndarray:
        return np.linalg.inv(meta['affine'])

    def of_objects(self, image_index: torch.Tensor) -> 'InputGeometry':
        """Return the geometry of M objects.

        Args:
            image_index: (M,) long, image of each object.
        """
        return type(self)(self.cam2img[image_index], self.inverse_affine[image_index])

    def to_original(self, points: torch.Tensor) -> torch.Tensor:
        """Map (M, ..., 2) points from input pixels to original pixels."""
        return apply_affine(points, self.inverse_affine)

    def to_input(self, points: torch.Tensor) -> torch.Tensor:
        """Map (M, ..., 2) points from original to input pixels; affines have no rotation."""
        scale = self.inverse_affine.diagonal(dim1=1, dim2=2)[:, :2]
        offset = self.inverse_affine[:, :2, 2]
        size = (-1, *[1] * (points.dim() - 2), 2)
        return (points - offset.view(size)) / scale.reshape(size)

    def zooms(self) -> torch.Tensor:
        """Return (M,) horizontal scales of the affines, input pixels per original pixel."""
        return 1 / self.inverse_affine[:, 0, 0]

    def original_heights(self, boxes: torch.Tensor) -> torch.Tensor:
        """Return (M,) heights in original pixels of (M, 4) 2D boxes in input pixels."""
        return (boxes[:, 3] - boxes[:, 1]) * self.inverse_affine[:, 1, 1]


class ReferenceGeometry(InputGeometry):
    """Geometry with the approximations of MonoLSS's released code, for its checkpoints.

    Projection divides by z, where the full matrix P2 gives z + P2[2, 3]. Input pixels map to
    the crop by separate factors in x and y, although the image is scaled equally in both.
    Zooms are ratios of 2D box heights, see :meth:`box_zooms`.
    """

    @classmethod
    def from_matrices(cls, cam2img: torch.Tensor, affine: torch.Tensor,
                      input_size: Tuple[int, int]) -> 'ReferenceGeometry':
        """See :meth:`InputGeometry.from_matrices`."""
        inverse = inverse_of_affine(affine)
        # The affine of the whole image maps the centre of the image to that of the input.
        center_u, center_v = ((inverse[:, axis, axis] * input_size[axis] / 2
                               + inverse[:, axis, 2]) for axis in (0, 1))
        crop_height = inverse[:, 0, 0] * input_size[0] * center_v / center_u
        zero = torch.zeros_like(center_v)
        row = torch.stack([zero, crop_height / input_size[1], center_v - crop_height / 2], dim=1)
        without_shift = torch.ones(3, 4, device=cam2img.device)
        without_shift[2, 3] = 0.
        return cls(cam2img[:, :3] * without_shift,
                   torch.stack([inverse[:, 0], row, inverse[:, 2]], dim=1))

    @staticmethod
    def _camera(meta: dict) -> np.ndarray:
        camera = np.array(meta['cam2img'])
        camera[2, 3] = 0.
        return camera

    @staticmethod
    def _inverse_affine(meta: dict) -> np.ndarray:
        inverse = np.linalg.inv(meta['affine'])
        (height, width), (input_height, input_width) = meta['ori_shape'], meta['img_shape']
        crop_height = inverse[0, 0] * input_width * height / width
        center_v = inverse[1, 1] * input_height / 2 + inverse[1, 2]
        inverse[1, 1] = crop_height / input_height
        inverse[1, 2] = center_v - crop_height / 2
        return inverse

    def box_zooms(self, boxes: torch.Tensor) -> torch.Tensor:
        """Return (M,) ratios of box heights in the input and in the original image.

        Heights below one pixel count as one pixel.

        Args:
            boxes: (M, 4) 2D boxes, input pixels.
        """
        heights = boxes[:, 3] - boxes[:, 1]
        return heights.clamp(min=1) / self.original_heights(boxes).clamp(min=1)
