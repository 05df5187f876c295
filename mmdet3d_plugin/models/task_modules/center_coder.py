"""Encoding and decoding of objects for centre detectors, in one place.

Legend: M objects; feature pixels are input pixels / stride.
"""
from dataclasses import dataclass
from typing import Dict, Optional, Sequence

import torch
from mmdet3d.registry import TASK_UTILS

from ...errors import InputError
from ...geometry import alpha_to_yaw, image_to_camera, yaw_to_alpha
from .input_geometry import InputGeometry


@dataclass
class ObjectCode:
    """Objects as the heads see them; M rows each.

    Attributes:
        cells: (M, 2) long, feature-map column and row of the object's centre.
        offsets_2d: (M, 2) 2D box centre minus cell, feature pixels.
        sizes_2d: (M, 2) 2D box width and height, feature pixels.
        offsets_3d: (M, 2) projected 3D centre minus cell, feature pixels.
        depths: (M,) camera z, metres.
        size_residuals: (M, 3) height, width, length minus the class mean, metres.
        alphas: (M,) observation angle, radians.
    """
    cells: torch.Tensor
    offsets_2d: torch.Tensor
    sizes_2d: torch.Tensor
    offsets_3d: torch.Tensor
    depths: torch.Tensor
    size_residuals: torch.Tensor
    alphas: torch.Tensor

    @property
    def boxes(self) -> torch.Tensor:
        """(M, 4) 2D boxes, feature pixels."""
        return feature_boxes(self.cells, self.offsets_2d, self.sizes_2d)


def feature_boxes(cells: torch.Tensor, offsets_2d: torch.Tensor,
                  sizes_2d: torch.Tensor) -> torch.Tensor:
    """(M, 4) 2D boxes, feature pixels; see :class:`ObjectCode` for the arguments."""
    centers = cells + offsets_2d
    return torch.cat([centers - sizes_2d / 2, centers + sizes_2d / 2], dim=1)


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
class CenterCoder:
    """Objects as a cell, and what is regressed from there (MonoDLE, GUPNet, MonoLSS).

    Args:
        class_names: the K classes, in label order.
        mean_sizes: (height, width, length) of each class, metres, from which sizes are
            regressed; without it sizes are absolute.
        stride: input pixels a feature-map cell.
        cell_center: whose cell is the object's, ``'projected'``: the projected 3D
            centre (MonoDLE and its descendants), or ``'box'``: the 2D box's centre
            (CenterNet, MonoCon).
        heading_center: from where the observation angle is seen, ``'box'``: the 2D
            box's centre (GUPNet and its descendants), or ``'projected'``: the projected
            3D centre, as in KITTI's labels (MonoDLE, MonoCon).

    Raises:
        InputError: a class without mean size, or an unknown centre.
    """

    CENTERS = ('projected', 'box')

    def __init__(self, class_names: Sequence[str],
                 mean_sizes: Optional[Dict[str, Sequence[float]]] = None, stride: int = 4,
                 cell_center: str = 'projected', heading_center: str = 'box') -> None:
        mean_sizes = mean_sizes or dict.fromkeys(class_names, (0., 0., 0.))
        missing = [name for name in class_names if name not in mean_sizes]
        if missing:
            raise InputError(f'mean_sizes lacks the classes {missing}')
        for name, center in dict(cell_center=cell_center, heading_center=heading_center).items():
            if center not in self.CENTERS:
                raise InputError(f"{name} is {center!r}, expected 'projected' or 'box'")
        self.num_classes = len(class_names)
        self.mean_sizes = torch.tensor([list(mean_sizes[name]) for name in class_names])
        self.stride = stride
        self.cell_center = cell_center
        self.heading_center = heading_center

    def encode(self, boxes_2d: torch.Tensor, centers_2d: torch.Tensor, boxes_3d: torch.Tensor,
               labels: torch.Tensor, geometry: InputGeometry) -> ObjectCode:
        """Objects of the world to what the heads learn.

        Args:
            boxes_2d: (M, 4) input pixels.
            centers_2d: (M, 2) projected 3D centres, input pixels. Those of the
                ``cell_center`` are at most a cell left of or above the input.
            boxes_3d: (M, 7) as in :class:`ObjectBoxes`.
            labels: (M,) class indices.
            geometry: of the M objects.
        """
        centers = dict(projected=centers_2d, box=(boxes_2d[:, :2] + boxes_2d[:, 2:]) / 2)
        cells = (centers[self.cell_center] / self.stride).long()
        u = geometry.to_original(centers[self.heading_center])[:, 0]
        return ObjectCode(
            cells=cells,
            offsets_2d=centers['box'] / self.stride - cells,
            sizes_2d=(boxes_2d[:, 2:] - boxes_2d[:, :2]) / self.stride,
            offsets_3d=centers['projected'] / self.stride - cells,
            depths=boxes_3d[:, 2],
            size_residuals=boxes_3d[:, [4, 5, 3]] - self.means(labels),
            alphas=yaw_to_alpha(boxes_3d[:, 6], u, geometry.cam2img))

    def decode(self, code: ObjectCode, labels: torch.Tensor,
               geometry: InputGeometry) -> ObjectBoxes:
        """Inverse of :meth:`encode`, with 2D boxes in original pixels."""
        boxes_2d = geometry.to_original(code.boxes.view(-1, 2, 2) * self.stride)
        centers_2d = geometry.to_original((code.cells + code.offsets_3d) * self.stride)
        heights, widths, lengths = (code.size_residuals + self.means(labels)).unbind(1)
        x, y, z = image_to_camera(centers_2d, code.depths, geometry.cam2img).unbind(1)
        u = dict(projected=centers_2d, box=boxes_2d.mean(dim=1))[self.heading_center][:, 0]
        yaws = alpha_to_yaw(code.alphas, u, geometry.cam2img)
        return ObjectBoxes(
            boxes_2d=boxes_2d.reshape(-1, 4),
            boxes_3d=torch.stack([x, y + heights / 2, z, lengths, heights, widths, yaws], dim=1),
            alphas=code.alphas)

    def means(self, labels: torch.Tensor) -> torch.Tensor:
        """(M,) labels -> (M, 3) mean height, width, length, metres."""
        # Moved once; the coder has no parameters and is no module.
        self.mean_sizes = self.mean_sizes.to(labels.device)
        return self.mean_sizes[labels]
