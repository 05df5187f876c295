"""CenterNet's dense 2D head: where objects are and how large they look.

Legend: B images, K classes, (H, W) feature cells, M objects, P peaks an image.
"""
from dataclasses import dataclass
from typing import Dict, Optional, Tuple

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmdet.models.utils import get_local_maximum, get_topk_from_heatmap
from mmengine.model import BaseModule, bias_init_with_prob, normal_init

from ..layers import dense_branch, gather_at_cells, run_branch
from ..task_modules.center_target_assigner import CenterTargets

# Keeps the focal loss's logarithms finite (CornerNet's released code).
MIN_SCORE = 1e-4


@dataclass
class DenseMaps:
    """Output of the head.

    Attributes:
        heatmap: (B, K, H, W) scores in [1e-4, 1 - 1e-4].
        offset_2d: (B, 2, H, W) 2D box centre minus cell, feature pixels.
        size_2d: (B, 2, H, W) 2D box width and height, feature pixels.
    """
    heatmap: torch.Tensor
    offset_2d: torch.Tensor
    size_2d: torch.Tensor


@dataclass
class Peaks:
    """The B * P best local maxima of the heatmaps, image by image.

    Attributes:
        image_index, labels: (B * P,) long.
        scores: (B * P,).
        cells: (B * P, 2) long, column and row.
    """
    image_index: torch.Tensor
    labels: torch.Tensor
    scores: torch.Tensor
    cells: torch.Tensor


@MODELS.register_module()
class CenterHead2D(BaseModule):
    """Heatmap, 2D offset and 2D size from a shared feature map.

    Args:
        num_classes: K.
        in_channels: channels of the feature map.
        hidden_channels: channels of each branch's hidden layer.
        loss_heatmap, loss_offset_2d, loss_size_2d: loss configs.
        prior_size_2d: width and height that boxes start from, feature pixels.
            Since ROIs are predicted boxes, short schedules profit from a guess.
        norm_cfg: normalisation in the hidden layers, if any.
    """

    def __init__(self, num_classes: int, in_channels: int, hidden_channels: int,
                 loss_heatmap: dict, loss_offset_2d: dict, loss_size_2d: dict,
                 prior_size_2d: Tuple[float, float] = (0., 0.),
                 norm_cfg: Optional[dict] = None, init_cfg=None) -> None:
        super().__init__(init_cfg)
        self.num_classes = num_classes
        self.prior_size_2d = prior_size_2d

        def branch(out_channels: int) -> nn.Sequential:
            return dense_branch(in_channels, hidden_channels, out_channels, norm_cfg)

        self.heatmap = branch(num_classes)
        self.offset_2d = branch(2)
        self.size_2d = branch(2)
        self.loss_heatmap = MODELS.build(loss_heatmap)
        self.loss_offset_2d = MODELS.build(loss_offset_2d)
        self.loss_size_2d = MODELS.build(loss_size_2d)

    def init_weights(self) -> None:
        """Small output weights; heatmaps start at 0.1 (focal loss's prior)."""
        super().init_weights()
        for branch in (self.heatmap, self.offset_2d, self.size_2d):
            normal_init(branch[-1], std=0.001)
        with torch.no_grad():
            self.heatmap[-1].bias.fill_(bias_init_with_prob(0.1))
            self.size_2d[-1].bias.copy_(torch.tensor(self.prior_size_2d))

    def forward(self, feature: torch.Tensor) -> DenseMaps:
        """(B, C, H, W) -> the maps, float32."""
        scores = run_branch(self.heatmap, feature).sigmoid()
        return DenseMaps(scores.clamp(MIN_SCORE, 1 - MIN_SCORE),
                         run_branch(self.offset_2d, feature), run_branch(self.size_2d, feature))

    def loss(self, maps: DenseMaps, targets: CenterTargets) -> Dict[str, torch.Tensor]:
        """Losses by task name, means over all processes; without objects zeros with a graph."""
        offsets = gather_at_cells(maps.offset_2d, targets.image_index, targets.code.cells)
        sizes = gather_at_cells(maps.size_2d, targets.image_index, targets.code.cells)
        num_values = 2 * targets.mean_counts.objects
        return dict(
            heatmap=self.loss_heatmap(maps.heatmap, targets.heatmap,
                                      avg_factor=targets.mean_counts.peaks),
            offset_2d=self.loss_offset_2d(offsets, targets.code.offsets_2d,
                                          avg_factor=num_values),
            size_2d=self.loss_size_2d(sizes, targets.code.sizes_2d, avg_factor=num_values))

    @staticmethod
    def find_peaks(heatmap: torch.Tensor, max_peaks: int) -> Peaks:
        """The best 3x3 local maxima of each image, over all classes."""
        scores, _, labels, rows, columns = get_topk_from_heatmap(
            get_local_maximum(heatmap.contiguous(), kernel=3), k=max_peaks)
        image_index = torch.arange(len(heatmap), device=heatmap.device)
        cells = torch.stack([columns, rows], dim=-1).long()
        return Peaks(image_index.repeat_interleave(scores.shape[1]),
                     labels.flatten(), scores.flatten(), cells.flatten(0, 1))
