"""Object features at single cells of the feature map."""
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
    """M cells of a feature map (B, C, H, W)."""
    feature: torch.Tensor
    image_index: torch.Tensor
    cells: torch.Tensor


class PointBranch(nn.Sequential):
    """A dense branch that is read at the objects' cells, M points -> (M, outputs)."""

    def forward(self, points: ObjectPoints) -> torch.Tensor:
        *hidden_layers, output_layer = self
        hidden = points.feature
        for layer in hidden_layers:
            hidden = layer(hidden)
        at_cells = gather_at_cells(hidden, points.image_index, points.cells)
        return output_layer(at_cells[:, :, None, None]).flatten(1)


@MODELS.register_module()
class ObjectPointExtractor(nn.Module):
    """Objects as cells of their heatmap peaks (CenterNet, MonoDLE, MonoCon).

    Without normalisation, branches see the 3x3 cells around each object and nothing
    else: the same numbers as those of dense branches, read at the cells. A normalisation
    needs the whole map.

    Args:
        norm_cfg: normalisation in the hidden layer of the branches, if any.
    """

    num_locations = 1

    def __init__(self, norm_cfg: Optional[dict] = None) -> None:
        super().__init__()
        self.norm_cfg = norm_cfg

    def vector_branch(self, in_channels: int, hidden_channels: int,
                      out_channels: int) -> nn.Sequential:
        """Branch with ``out_channels`` values an object, small at first (CenterNet)."""
        branch = dense_branch(in_channels, hidden_channels, out_channels, self.norm_cfg)
        normal_init(branch[-1], std=0.001)
        if self.norm_cfg:
            return PointBranch(*branch)
        branch[0].padding = (0, 0)
        return branch

    def map_branch(self, in_channels: int, hidden_channels: int) -> nn.Sequential:
        """Branch with one value at each of an object's locations: its one cell."""
        return self.vector_branch(in_channels, hidden_channels, 1)

    def forward(self, feature: torch.Tensor,
                queries: ObjectQueries) -> Union[ObjectPoints, torch.Tensor]:
        """What the branches take: points, or (M, C, 3, 3) cells around them."""
        if self.norm_cfg:
            return ObjectPoints(feature, queries.image_index, queries.cells)
        around = torch.arange(3, device=feature.device)
        columns, rows = (queries.cells[:, index, None] + around for index in (0, 1))
        padded = F.pad(feature, (1, 1, 1, 1))
        cells = padded[queries.image_index[:, None, None], :, rows[:, :, None],
                       columns[:, None, :]]
        return cells.permute(0, 3, 1, 2)
