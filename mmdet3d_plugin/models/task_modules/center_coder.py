"""Encoding and decoding of objects for centre-based detectors.

Notation: M objects. Feature pixels are input pixels / stride.
"""
from dataclasses import dataclass
from typing import Dict, Optional, Sequence, Union

import torch
from mmdet3d.registry import TASK_UTILS

from ...errors import InputError
from ...geometry import alpha_to_yaw, image_to_camera, yaw_to_alpha
from ...structures.class_names import find_class
from .input_geometry import InputGeometry


@dataclass
class ObjectCode:
    """Encoded objects: the regression targets, or the outputs, of the heads.

    Attributes:
        cells: (M, 2) long, feature-map column and row of the object's centre.
        offsets_2d: (M, 2) 2D box centre minus cell, feature pixels.
        sizes_2d: (M, 2) 2D box width and height, feature pixels.
        offsets_3d: (M, 2) projected 3D centre minus cell, feature pixels.
        depths: (M,) camera z, metres; see ``projective_depth`` of :class:`CenterCoder`.
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
    """Return (M, 4) 2D boxes (left, top, right, bottom), feature pixels.

    The arguments are those of :class:`ObjectCode`.
    """
    centers = cells + offsets_2d
    return torch.cat([centers - sizes_2d / 2, centers + sizes_2d / 2], dim=1)


@dataclass
class ObjectBoxes:
    """Decoded objects, in metres and original pixels.

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
    """Coder of objects as a cell and offsets from the cell (MonoDLE, GUPNet, MonoLSS).

    Args:
        class_names: the K classes, in label order.
        mean_sizes: mean (height, width, length) of each class, metres. Sizes are encoded as
            the difference to the mean. Without it they are encoded as absolute sizes.
        stride: input pixels per feature-map cell.
        cell_center: point that selects the cell: ``'projected'``, the projected 3D centre
            (MonoDLE, GUPNet, DID-M3D, MonoLSS), or ``'box'``, the 2D box centre (CenterNet,
            MonoCon).
        heading_center: point that defines the viewing ray of the observation angle:
            ``'box'``, the 2D box centre (GUPNet, DID-M3D, MonoLSS), or ``'projected'``, the
            projected 3D centre as in KITTI's labels (MonoDLE, MonoCon).
        projective_depth: whether depths are encoded as the divisor of the projection,
            ``z + P2[2, 3]``, as in MonoCon's released code, instead of z. The two differ by
            3 mm on KITTI.

    Raises:
        InputError: a class has no mean size, or a centre is unknown.

    Example:
        >>> camera = torch.tensor([[[700., 0., 600., 0.], [0., 700., 180., 0.],
        ...                         [0., 0., 1., 0.], [0., 0., 0., 1.]]])
        >>> geometry = InputGeometry(camera, torch.eye(3)[None])
        >>> coder = CenterCoder(['Car'], dict(Car=(1.5, 1.6, 4.)), stride=4)
        >>> boxes_3d = torch.tensor([[0., 1.25, 20., 4., 1.5, 1.6, 0.3]])
        >>> code = coder.encode(boxes_2d=torch.tensor([[570., 170., 632., 226.]]),
        ...                     centers_2d=torch.tensor([[600., 197.5]]), boxes_3d=boxes_3d,
        ...                     labels=torch.tensor([0]), geometry=geometry)
        >>> code.cells, code.offsets_2d
        (tensor([[150,  49]]), tensor([[0.2500, 0.5000]]))
        >>> decoded = coder.decode(code, torch.tensor([0]), geometry)
        >>> torch.allclose(decoded.boxes_3d, boxes_3d, atol=1e-5)
        True
    """

    CENTERS = ('projected', 'box')

    def __init__(self, class_names: Sequence[str],
                 mean_sizes: Optional[Dict[str, Sequence[float]]] = None, stride: int = 4,
                 cell_center: str = 'projected', heading_center: str = 'box',
                 projective_depth: bool = False) -> None:
        mean_sizes = mean_sizes or dict.fromkeys(class_names, (0., 0., 0.))
        missing = [name for name in class_names if find_class(name, mean_sizes) is None]
        if missing:
            raise InputError(f'mean_sizes lacks the classes {missing}; give their mean height, '
                             'width and length in metres')
        for name, center in dict(cell_center=cell_center, heading_center=heading_center).items():
            if center not in self.CENTERS:
                raise InputError(f"{name} is {center!r}, expected 'projected' or 'box'")
        self.class_names = list(class_names)
        self.num_classes = len(class_names)
        self.mean_sizes = torch.tensor([list(mean_sizes[find_class(name, mean_sizes) or name])
                                        for name in class_names])
        self.stride = stride
        self.cell_center = cell_center
        self.heading_center = heading_center
        self.projective_depth = projective_depth

    def encode(self, boxes_2d: torch.Tensor, centers_2d: torch.Tensor, boxes_3d: torch.Tensor,
               labels: torch.Tensor, geometry: InputGeometry) -> ObjectCode:
        """Encode objects as regression targets.

        The point that ``cell_center`` selects must lie less than one cell left of or above
        the input.

        Args:
            boxes_2d: (M, 4) input pixels.
            centers_2d: (M, 2) projected 3D centres, input pixels.
            boxes_3d: (M, 7) as in :class:`ObjectBoxes`.
            labels: (M,) class indices.
            geometry: geometry of the M objects.
        """
        centers = dict(projected=centers_2d, box=(boxes_2d[:, :2] + boxes_2d[:, 2:]) / 2)
        cells = (centers[self.cell_center] / self.stride).long()
        u = geometry.to_original(centers[self.heading_center])[:, 0]
        return ObjectCode(
            cells=cells,
            offsets_2d=centers['box'] / self.stride - cells,
            sizes_2d=(boxes_2d[:, 2:] - boxes_2d[:, :2]) / self.stride,
            offsets_3d=centers['projected'] / self.stride - cells,
            depths=boxes_3d[:, 2] + self._depth_offsets(geometry),
            size_residuals=boxes_3d[:, [4, 5, 3]] - self.means(labels),
            alphas=yaw_to_alpha(boxes_3d[:, 6], u, geometry.cam2img))

    def decode(self, code: ObjectCode, labels: torch.Tensor,
               geometry: InputGeometry) -> ObjectBoxes:
        """Decode objects. Inverse of :meth:`encode`, but 2D boxes are in original pixels.

        Args:
            code: M encoded objects.
            labels: (M,) class indices.
            geometry: geometry of the M objects.
        """
        boxes_2d = geometry.to_original(code.boxes.view(-1, 2, 2) * self.stride)
        centers_2d = geometry.to_original((code.cells + code.offsets_3d) * self.stride)
        heights, widths, lengths = (code.size_residuals + self.means(labels)).unbind(1)
        depths = code.depths - self._depth_offsets(geometry)
        x, y, z = image_to_camera(centers_2d, depths, geometry.cam2img).unbind(1)
        u = dict(projected=centers_2d, box=boxes_2d.mean(dim=1))[self.heading_center][:, 0]
        yaws = alpha_to_yaw(code.alphas, u, geometry.cam2img)
        return ObjectBoxes(
            boxes_2d=boxes_2d.reshape(-1, 4),
            boxes_3d=torch.stack([x, y + heights / 2, z, lengths, heights, widths, yaws], dim=1),
            alphas=code.alphas)

    def _depth_offsets(self, geometry: InputGeometry) -> Union[torch.Tensor, float]:
        """Return encoded depth minus z: (M,) metres, or 0."""
        return geometry.cam2img[:, 2, 3] if self.projective_depth else 0.

    def means(self, labels: torch.Tensor) -> torch.Tensor:
        """Return (M, 3) mean height, width, length of (M,) labels, metres."""
        # Moved to the device once. The coder is not a module, so .to(device) misses it.
        self.mean_sizes = self.mean_sizes.to(labels.device)
        return self.mean_sizes[labels]
