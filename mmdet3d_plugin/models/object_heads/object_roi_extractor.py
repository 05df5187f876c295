"""Extractor of object features: ROI-aligned appearance, viewing rays, class.

Notation: M objects, S x S ROI locations, K classes.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet3d.registry import MODELS
from torchvision.ops import roi_align

from ...geometry import image_to_camera
from ..task_modules.input_geometry import InputGeometry
from .object_queries import ObjectQueries


@MODELS.register_module()
class ObjectROIExtractor(nn.Module):
    """Extractor of ROI features (GUPNet, section 3.2; MonoLSS).

    Args:
        num_classes: K.
        roi_size: S.
        stride: input pixels per feature-map cell.
        ray_scale: factor of the ray maps. Rays across a far object differ by hundredths only,
            and a short training cannot learn to amplify them. The published code has no
            such factor.
    """

    def __init__(self, num_classes: int, roi_size: int = 7, stride: int = 4,
                 ray_scale: float = 1.0) -> None:
        super().__init__()
        self.ray_scale = ray_scale
        self.num_classes = num_classes
        self.roi_size = roi_size
        self.stride = stride

    @property
    def num_locations(self) -> int:
        """L, locations per ROI."""
        return self.roi_size ** 2

    def vector_branch(self, in_channels: int, hidden_channels: int,
                      out_channels: int) -> nn.Sequential:
        """Build a branch with ``out_channels`` values per object, pooled over its ROI.

        Args:
            in_channels: C, channels of the feature map.
            hidden_channels: channels of the hidden layer.
            out_channels: values per object.
        """
        return nn.Sequential(
            nn.Conv2d(self._channels(in_channels), hidden_channels, 3, padding=1),
            nn.BatchNorm2d(hidden_channels),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(hidden_channels, out_channels, 1))

    def map_branch(self, in_channels: int, hidden_channels: int) -> nn.Sequential:
        """Build a branch with one value at each of an object's L locations."""
        return nn.Sequential(
            nn.Conv2d(self._channels(in_channels), hidden_channels, 3, padding=1),
            nn.LeakyReLU(inplace=True),
            nn.Conv2d(hidden_channels, 1, 1))

    def _channels(self, feature_channels: int) -> int:
        """Return the number of channels: appearance, two rays, one-hot class."""
        return feature_channels + 2 + self.num_classes

    def forward(self, feature: torch.Tensor, queries: ObjectQueries) -> torch.Tensor:
        """Extract the features of M objects.

        Args:
            feature: (B, C, H, W) feature map.
            queries: M objects.

        Returns:
            (M, C + 2 + K, S, S): appearance, x and y of the viewing ray at depth 1, one-hot
            class.
        """
        boxes = queries.boxes
        rois = torch.cat([queries.image_index[:, None].to(boxes), boxes], dim=1)
        # Without half-pixel alignment, as the published weights were trained.
        appearance = roi_align(feature, rois, self.roi_size, aligned=False)
        one_hot = F.one_hot(queries.labels, self.num_classes).to(appearance)
        planes = one_hot[:, :, None, None].expand(-1, -1, self.roi_size, self.roi_size)
        rays = self.ray_scale * self.ray_maps(boxes, queries.geometry)
        return torch.cat([appearance, rays, planes], dim=1)

    def ray_maps(self, boxes: torch.Tensor, geometry: InputGeometry) -> torch.Tensor:
        """Return (M, 2, S, S) viewing rays, x and y in metres at depth 1.

        The rays are linear between the corners of the boxes.

        Args:
            boxes: (M, 4) 2D boxes, feature pixels.
            geometry: geometry of the M objects.
        """
        corners = geometry.to_original(boxes.view(-1, 2, 2) * self.stride)
        rays = image_to_camera(corners, torch.ones_like(corners[..., 0]), geometry.cam2img)
        steps = torch.linspace(0, 1, self.roi_size, device=boxes.device)
        line = rays[:, 0, :2, None] + (rays[:, 1] - rays[:, 0])[:, :2, None] * steps
        size = (-1, self.roi_size, self.roi_size)
        return torch.stack([line[:, 0, None, :].expand(size), line[:, 1, :, None].expand(size)],
                           dim=1)
