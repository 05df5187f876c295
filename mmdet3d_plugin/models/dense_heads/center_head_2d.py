"""Dense 2D head of CenterNet: heatmap, 2D box centre and 2D box size.

Notation: B images, K classes, (H, W) feature cells, M objects, P peaks per image.
"""
from dataclasses import dataclass
from typing import Dict, Optional, Tuple

import torch
import torch.nn as nn
from mmdet.models.utils import get_local_maximum, get_topk_from_heatmap
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule, bias_init_with_prob, normal_init

from ..layers import dense_branch, gather_at_cells, run_branch
from ..task_modules.center_target_assigner import CenterTargets

# Lower bound of heatmap scores, so that the logarithms of the focal loss are finite (CornerNet's
# released code). The upper bound is 1 - MIN_SCORE.
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
    """P best local maxima of each heatmap, ordered by image.

    Attributes:
        image_index: (B * P,) long, image of each peak.
        labels: (B * P,) long, class of each peak.
        scores: (B * P,) heatmap scores.
        cells: (B * P, 2) long, column and row.
    """
    image_index: torch.Tensor
    labels: torch.Tensor
    scores: torch.Tensor
    cells: torch.Tensor


@MODELS.register_module()
class CenterHead2D(BaseModule):
    """Dense head with branches for heatmap, 2D offset and 2D size.

    Args:
        num_classes: K.
        in_channels: channels of the feature map.
        hidden_channels: channels of each branch's hidden layer.
        loss_heatmap, loss_offset_2d, loss_size_2d: loss configs.
        prior_size_2d: initial width and height of the boxes, feature pixels. ROIs are
            predicted boxes, so a prior helps short schedules.
        norm_cfg: normalisation in the hidden layers, if any.
        hidden_std: standard deviation of the initial weights in the hidden layers of offset and
            size (0.001 in MonoCon's released code); None for PyTorch's initial weights.
    """

    def __init__(self, num_classes: int, in_channels: int, hidden_channels: int,
                 loss_heatmap: dict, loss_offset_2d: dict, loss_size_2d: dict,
                 prior_size_2d: Tuple[float, float] = (0., 0.),
                 norm_cfg: Optional[dict] = None, hidden_std: Optional[float] = None,
                 init_cfg=None) -> None:
        super().__init__(init_cfg)
        self.hidden_std = hidden_std
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
        """Initialise small output weights and heatmaps of 0.1 (prior of the focal loss)."""
        super().init_weights()
        if self.hidden_std is not None:
            for module in (*self.offset_2d.modules(), *self.size_2d.modules()):
                if isinstance(module, nn.Conv2d):
                    normal_init(module, std=self.hidden_std)
        for branch in (self.heatmap, self.offset_2d, self.size_2d):
            normal_init(branch[-1], std=0.001)
        with torch.no_grad():
            self.heatmap[-1].bias.fill_(bias_init_with_prob(0.1))
            self.size_2d[-1].bias.copy_(torch.tensor(self.prior_size_2d))

    def forward(self, feature: torch.Tensor) -> DenseMaps:
        """Predict the maps, float32, of a feature map (B, C, H, W)."""
        scores = run_branch(self.heatmap, feature).sigmoid()
        return DenseMaps(scores.clamp(MIN_SCORE, 1 - MIN_SCORE),
                         run_branch(self.offset_2d, feature), run_branch(self.size_2d, feature))

    def loss(self, maps: DenseMaps, targets: CenterTargets) -> Dict[str, torch.Tensor]:
        """Compute the losses as means over the peaks and objects of all ranks.

        Without objects the losses of offset and size are differentiable zeros.

        Args:
            maps: predicted maps of B images.
            targets: targets of the same images.

        Returns:
            Scalars ``heatmap``, ``offset_2d`` and ``size_2d``.
        """
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
        """Find the best 3x3 local maxima of each image, over all classes.

        Args:
            heatmap: (B, K, H, W) scores.
            max_peaks: P, at most K H W.

        Example:
            >>> heatmap = torch.zeros(1, 1, 4, 5)
            >>> heatmap[0, 0, 2, 3], heatmap[0, 0, 2, 4] = 0.9, 0.8  # the latter is no maximum
            >>> peaks = CenterHead2D.find_peaks(heatmap, max_peaks=1)
            >>> peaks.cells, peaks.scores
            (tensor([[3, 2]]), tensor([0.9000]))
        """
        scores, _, labels, rows, columns = get_topk_from_heatmap(
            get_local_maximum(heatmap.contiguous(), kernel=3), k=max_peaks)
        image_index = torch.arange(scores.shape[0], device=heatmap.device)[:, None]
        cells = torch.stack([columns, rows], dim=-1).long()
        return Peaks(image_index.expand_as(scores).flatten(), labels.flatten(), scores.flatten(),
                     cells.flatten(0, 1))
