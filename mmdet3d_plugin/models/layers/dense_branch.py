"""Dense branches of centre detectors, and reading their maps at object cells."""
from typing import Optional

import torch
import torch.nn as nn
from mmcv.cnn import build_norm_layer


def dense_branch(in_channels: int, hidden_channels: int, out_channels: int,
                 norm_cfg: Optional[dict] = None) -> nn.Sequential:
    """Build a branch: 3x3 convolution, optional normalisation, ReLU, 1x1 convolution.

    The first convolution has a bias even before a normalisation, as published.

    Args:
        in_channels: channels of the feature map.
        hidden_channels: output channels of the 3x3 convolution.
        out_channels: output channels of the branch.
        norm_cfg: config of the normalisation; None for none.
    """
    norm = [build_norm_layer(norm_cfg, hidden_channels)[1]] if norm_cfg else []
    return nn.Sequential(
        nn.Conv2d(in_channels, hidden_channels, 3, padding=1),
        *norm,
        nn.ReLU(inplace=True),
        nn.Conv2d(hidden_channels, out_channels, 1))


def run_branch(branch: nn.Sequential, feature: torch.Tensor) -> torch.Tensor:
    """Run a branch of :func:`dense_branch`: (B, C, h, w) -> (B, C', h, w).

    The output layer runs in float32 under autocast too: bfloat16 would round a size of 20 cells
    to eighths of a cell, and a depth to a few percent.

    Example:
        >>> import torch
        >>> branch = dense_branch(in_channels=8, hidden_channels=16, out_channels=2)
        >>> tuple(run_branch(branch, torch.rand(1, 8, 4, 6)).shape)
        (1, 2, 4, 6)
    """
    hidden = branch[:-1](feature)
    with torch.autocast(feature.device.type, enabled=False):
        return branch[-1](hidden.float())


def gather_at_cells(dense_map: torch.Tensor, image_index: torch.Tensor,
                    cells: torch.Tensor) -> torch.Tensor:
    """Read a dense map at object cells.

    Args:
        dense_map: (B, C, H, W).
        image_index: (M,) long, image of each object.
        cells: (M, 2) long, column and row of each object.

    Returns:
        (M, C) values at the cells.

    Example:
        >>> import torch
        >>> dense_map = torch.arange(6.).view(1, 1, 2, 3)
        >>> gather_at_cells(dense_map, torch.tensor([0]), torch.tensor([[2, 1]]))
        tensor([[5.]])
    """
    return dense_map[image_index, :, cells[:, 1], cells[:, 0]]
