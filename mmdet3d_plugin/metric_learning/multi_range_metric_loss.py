"""Features as far apart as their depths are: MetricDepth's loss on dense maps."""
import logging
from typing import List, Optional

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmengine.dist import all_reduce, get_world_size
from mmengine.logging import print_log

from ..errors import InputError
from .feature_sampling import Shift, depth_at_cells, depth_differentials, draw_shifts
from .pair_hinge import pair_hinge


@MODELS.register_module()
class MultiRangeMetricLoss(nn.Module):
    """Deep metric learning for dense depth (Liu et al., MetricDepth, 2024).

    Every cell of a feature map is an anchor. Its samples are the cells that meet it when
    the map is rolled by random shifts, within its image and across the batch. Pairs whose
    depths hardly differ are drawn together; those whose depths differ are pushed apart up to a
    margin, by the ranges and margins of the strategy; pairs in between are ignored, and so are
    those without valid depth on both sides.

    The sum (equations 10 and 13) is divided by the active pairs, which are the positives and
    the negatives, satisfied ones included, so that a weight means the same at every resolution,
    batch size and density of depth; ``reduction='sum'`` is the paper's plain sum.

    Each process samples from its own images. Divided by the pairs of all processes, the
    gradients that DistributedDataParallel averages are those of the mean over all these pairs.

    Time is that of some passes over the map for each sample, memory that of four maps, of which
    the backward pass waits for one.

    Args:
        strategy: config of a :class:`RangeStrategy`.
        num_within: N_within, samples within the image (section IV-C and table III: 10).
        num_across: N_across, samples across the batch (section IV-C and table IV: 4).
        reduction: ``'mean'`` over the active pairs of all processes, or ``'sum'``.
        loss_weight: factor of the loss (1 in equation 14).

    Raises:
        InputError: a number is negative, there are no samples, or ``reduction`` is unknown.
    """

    def __init__(self, strategy: dict, num_within: int, num_across: int,
                 reduction: str = 'mean', loss_weight: float = 1.0) -> None:
        super().__init__()
        if min(num_within, num_across) < 0 or num_within + num_across == 0:
            raise InputError(f'MultiRangeMetricLoss: num_within {num_within}, num_across '
                             f'{num_across}; expected none negative and at least one sample')
        if reduction not in ('mean', 'sum'):
            raise InputError(f"MultiRangeMetricLoss: reduction is {reduction!r}, expected 'mean' "
                             "or 'sum'")
        if not loss_weight >= 0:
            raise InputError(f'MultiRangeMetricLoss: loss_weight is {loss_weight}, it must not '
                             'be negative')
        self.strategy = MODELS.build(strategy)
        self.num_within = num_within
        self.num_across = num_across
        self.reduction = reduction
        self.loss_weight = loss_weight
        self._told_of_single_image = False

    def forward(self, feature: torch.Tensor, depth: torch.Tensor,
                valid: Optional[torch.Tensor] = None) -> torch.Tensor:
        """The loss; an exact zero with a graph if no pair is active.

        Args:
            feature: (B, C, h, w).
            depth: (B, H, W) metres, in any resolution of the same view; each cell takes the
                depth of the pixel at its centre.
            valid: (B, H, W) bool, where there is depth; what is not finite or not positive
                is never depth.

        Raises:
            InputError: the shapes do not fit together, or ``valid`` is not bool.
        """
        if valid is None:
            valid = torch.ones_like(depth, dtype=torch.bool)
        if feature.dim() != 4 or depth.dim() != 3 or valid.shape != depth.shape or (
                len(depth) != len(feature) or valid.dtype != torch.bool):
            raise InputError(
                f'MultiRangeMetricLoss: feature {tuple(feature.shape)}, depth '
                f'{tuple(depth.shape)}, valid {tuple(valid.shape)} {valid.dtype}; expected '
                '(B, C, h, w), (B, H, W) and (B, H, W) torch.bool')
        feature = feature.to(torch.promote_types(feature.dtype, torch.float32))
        shifts = self._draw_shifts(feature)
        cell_depth = depth_at_cells(depth, valid, feature.shape[-2:])
        differentials = depth_differentials(cell_depth, shifts)
        total, counts, distances = pair_hinge(feature, differentials, shifts,
                                              self.strategy(differentials))
        self.strategy.observe(counts, distances)
        if self.reduction == 'sum':
            return self.loss_weight * total
        num_active = counts.sum()
        all_reduce(num_active)
        return self.loss_weight * total * get_world_size() / num_active.clamp(min=1)

    def _draw_shifts(self, feature: torch.Tensor) -> List[Shift]:
        batch_size, _, height, width = feature.shape
        if batch_size == 1 and self.num_across and not self._told_of_single_image:
            self._told_of_single_image = True
            print_log('MultiRangeMetricLoss: a batch of one image has no samples across the '
                      f'batch; what is left are {self.num_within} within the image', 'current',
                      level=logging.WARNING)
        return draw_shifts(batch_size, height, width, self.num_within, self.num_across)
