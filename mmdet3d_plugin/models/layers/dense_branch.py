"""The branch that centre detectors run at every cell, and what objects take from it."""
from typing import Optional

import torch
import torch.nn as nn
from mmcv.cnn import build_norm_layer


def dense_branch(in_channels: int, hidden_channels: int, out_channels: int,
                 norm_cfg: Optional[dict] = None) -> nn.Sequential:
    """3x3 convolution, normalisation if configured, ReLU, 1x1 convolution.

    The first convolution keeps its bias beside a normalisation, as published.
    """
    norm = [build_norm_layer(norm_cfg, hidden_channels)[1]] if norm_cfg else []
    return nn.Sequential(
        nn.Conv2d(in_channels, hidden_channels, 3, padding=1),
        *norm,
        nn.ReLU(inplace=True),
        nn.Conv2d(hidden_channels, out_channels, 1))


def run_branch(branch: nn.Sequential, feature: torch.Tensor) -> torch.Tensor:
    """A branch whose output layer runs in float32 under autocast too: bfloat16 would
    round a size of 20 cells to eighths, and a depth to a few percent."""
    hidden = branch[:-1](feature)
    with torch.autocast(feature.device.type, enabled=False):
        return branch[-1](hidden.float())


def gather_at_cells(dense_map: torch.Tensor, image_index: torch.Tensor,
                    cells: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) at M cells (column, row) -> (M, C)."""
    return dense_map[image_index, :, cells[:, 1], cells[:, 0]]
