"""Extractor of object features at single cells of the feature map."""
from dataclasses import dataclass
from typing import Optional, Union

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet3d.registry import MODELS
from mmengine.model import normal_init

from ..layers import dense_branch, gather_at_cells
from .object_queries import ObjectQueries


@dataclass
class ObjectPoints:
    """Cells of M objects in a feature map.

    Attributes:
        feature: (B, C, H, W) feature map.
        image_index: (M,) long, image of each object.
        cells: (M, 2) long, column and row.
    """
    feature: torch.Tensor
    image_index: torch.Tensor
    cells: torch.Tensor


class PointBranch(nn.Sequential):
    """Dense branch that is evaluated at the cells of M objects."""

    def forward(self, points: ObjectPoints) -> torch.Tensor:
        """Return (M, outputs) at the points."""
        *hidden_layers, output_layer = self
        hidden = points.feature
        for layer in hidden_layers:
            hidden = layer(hidden)
        at_cells = gather_at_cells(hidden, points.image_index, points.cells)
        return output_layer(at_cells[:, :, None, None]).flatten(1)


@MODELS.register_module()
class ObjectPointExtractor(nn.Module):
    """Extractor of features at the heatmap peaks (CenterNet, MonoDLE, MonoCon).

    Without normalisation, the branches run on the 3x3 cells around each object only. Their
    outputs equal those of dense branches at the objects' cells. With normalisation, the
    hidden layer runs on the whole map.

    Args:
        norm_cfg: normalisation in the hidden layer of the branches, if any.

    Attributes:
        num_locations: L, locations per object: 1.
    """

    num_locations = 1

    def __init__(self, norm_cfg: Optional[dict] = None) -> None:
        super().__init__()
        self.norm_cfg = norm_cfg

    def vector_branch(self, in_channels: int, hidden_channels: int,
                      out_channels: int) -> nn.Sequential:
        """Build a branch with ``out_channels`` values per object.

        Its output weights start small, as in CenterNet.

        Args:
            in_channels: channels of the feature map.
            hidden_channels: channels of the hidden layer.
            out_channels: values per object.
        """
        branch = dense_branch(in_channels, hidden_channels, out_channels, self.norm_cfg)
        normal_init(branch[-1], std=0.001)
        if self.norm_cfg:
            return PointBranch(*branch)
        branch[0].padding = (0, 0)
        return branch

    def map_branch(self, in_channels: int, hidden_channels: int) -> nn.Sequential:
        """Build a branch with one value at each location, here the single cell."""
        return self.vector_branch(in_channels, hidden_channels, 1)

    def forward(self, feature: torch.Tensor,
                queries: ObjectQueries) -> Union[ObjectPoints, torch.Tensor]:
        """Return the input of the branches.

        Args:
            feature: (B, C, H, W) feature map.
            queries: M objects.

        Returns:
            With normalisation the points, else the (M, C, 3, 3) cells around them.
        """
        if self.norm_cfg:
            return ObjectPoints(feature, queries.image_index, queries.cells)
        around = torch.arange(3, device=feature.device)
        columns, rows = (queries.cells[:, index, None] + around for index in (0, 1))
        padded = F.pad(feature, (1, 1, 1, 1))
        cells = padded[queries.image_index[:, None, None], :, rows[:, :, None],
                       columns[:, None, :]]
        return cells.permute(0, 3, 1, 2)
