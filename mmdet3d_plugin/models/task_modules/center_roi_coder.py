"""Encoding and decoding of objects for centre + ROI detectors, in one place.

Legend: M objects; L ROI locations; feature pixels are input pixels / stride.
"""
from dataclasses import dataclass
from typing import Dict, Sequence

import torch
from mmdet3d.registry import TASK_UTILS

from ...errors import InputError
from ...geometry import alpha_to_yaw, image_to_camera, yaw_to_alpha
from .input_geometry import InputGeometry


@dataclass
class ObjectCode:
    """Objects as the heads see them; M rows each.

    Attributes:
        cells: (M, 2) long, feature-map column and row of the projected 3D centre.
        offsets_2d: (M, 2) 2D box centre minus cell, feature pixels.
        sizes_2d: (M, 2) 2D box width and height, feature pixels.
        offsets_3d: (M, 2) projected 3D centre minus cell, feature pixels.
        depths: (M,) camera z, metres.
        size_residuals: (M, 3) height, width, length minus the class mean, metres.
        alphas: (M,) observation angle at the 2D box centre, radians.
    """
    cells: torch.Tensor
    offsets_2d: torch.Tensor
    sizes_2d: torch.Tensor
    offsets_3d: torch.Tensor
    depths: torch.Tensor
    size_residuals: torch.Tensor
    alphas: torch.Tensor


@dataclass
class ObjectBoxes:
    """Objects as the world sees them; M rows each.

    Attributes:
        boxes_2d: (M, 4) left, top, right, bottom, original pixels.
        boxes_3d: (M, 7) x, y, z of the bottom centre, length, height, width, yaw
            (the layout of CameraInstance3DBoxes), metres and radians.
        alphas: (M,) observation angle, radians.
    """
    boxes_2d: torch.Tensor
    boxes_3d: torch.Tensor
    alphas: torch.Tensor


@TASK_UTILS.register_module()
class CenterROICoder:
    """MonoLSS's object code (as GUPNet's, with depth as ``exp(-x) * zoom``).

    Args:
        class_names: the K classes, in label order.
        mean_sizes: (height, width, length) of each class, metres.
        stride: input pixels a feature-map cell.
    """

    def __init__(self, class_names: Sequence[str], mean_sizes: Dict[str, Sequence[float]],
                 stride: int = 4) -> None:
        missing = [name for name in class_names if name not in mean_sizes]
        if missing:
            raise InputError(f'mean_sizes lacks the classes {missing}')
        self.num_classes = len(class_names)
        self.mean_sizes = torch.tensor([list(mean_sizes[name]) for name in class_names])
        self.stride = stride

    def encode(self, boxes_2d: torch.Tensor, centers_2d: torch.Tensor, boxes_3d: torch.Tensor,
               labels: torch.Tensor, geometry: InputGeometry) -> ObjectCode:
        """Objects of the world to what the heads learn.

        Args:
            boxes_2d: (M, 4) input pixels.
            centers_2d: (M, 2) projected 3D centres, input pixels, at most a cell
                left of or above the input.
            boxes_3d: (M, 7) as in :class:`ObjectBoxes`.
            labels: (M,) class indices.
            geometry: of the M objects.
        """
        centers_3d = centers_2d / self.stride
        cells = centers_3d.long()
        box_centers = (boxes_2d[:, :2] + boxes_2d[:, 2:]) / 2
        u = geometry.to_original(box_centers)[:, 0]
        return ObjectCode(
            cells=cells,
            offsets_2d=box_centers / self.stride - cells,
            sizes_2d=(boxes_2d[:, 2:] - boxes_2d[:, :2]) / self.stride,
            offsets_3d=centers_3d - cells,
            depths=boxes_3d[:, 2],
            size_residuals=boxes_3d[:, [4, 5, 3]] - self._means(labels),
            alphas=yaw_to_alpha(boxes_3d[:, 6], u, geometry.cam2img))

    def decode(self, code: ObjectCode, labels: torch.Tensor,
               geometry: InputGeometry) -> ObjectBoxes:
        """Inverse of :meth:`encode`, with 2D boxes in original pixels."""
        corners = self.feature_boxes(code.cells, code.offsets_2d, code.sizes_2d)
        boxes_2d = geometry.to_original(corners.view(-1, 2, 2) * self.stride)
        centers_2d = geometry.to_original((code.cells + code.offsets_3d) * self.stride)
        heights, widths, lengths = (code.size_residuals + self._means(labels)).unbind(1)
        x, y, z = image_to_camera(centers_2d, code.depths, geometry.cam2img).unbind(1)
        yaws = alpha_to_yaw(code.alphas, boxes_2d[:, :, 0].mean(dim=1), geometry.cam2img)
        return ObjectBoxes(
            boxes_2d=boxes_2d.reshape(-1, 4),
            boxes_3d=torch.stack([x, y + heights / 2, z, lengths, heights, widths, yaws], dim=1),
            alphas=code.alphas)

    @staticmethod
    def feature_boxes(cells: torch.Tensor, offsets_2d: torch.Tensor,
                      sizes_2d: torch.Tensor) -> torch.Tensor:
        """(M, 4) 2D boxes, feature pixels."""
        centers = cells + offsets_2d
        return torch.cat([centers - sizes_2d / 2, centers + sizes_2d / 2], dim=1)

    def decode_depths(self, raw: torch.Tensor, boxes: torch.Tensor,
                      geometry: InputGeometry) -> torch.Tensor:
        """(M, L) network output -> metres: ``exp(-raw) * zoom``.

        The network judges depth by appearance, and an input that is enlarged by
        ``zoom`` makes things look nearer by it.

        Args:
            raw: (M, L) network output.
            boxes: (M, 4) 2D boxes, feature pixels.
            geometry: of the M objects.
        """
        return torch.exp(-raw) * geometry.zooms(boxes * self.stride)[:, None]

    def _means(self, labels: torch.Tensor) -> torch.Tensor:
        # Moved once; the coder has no parameters and is no module.
        self.mean_sizes = self.mean_sizes.to(labels.device)
        return self.mean_sizes[labels]
