"""MetricDepth's loss: feature distances that follow depth differences, on dense maps."""
import logging
from typing import List, Optional

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmengine.dist import all_reduce, get_world_size
from mmengine.logging import print_log

from ..errors import InputError
from .feature_sampling import Shift, depth_at_cells, depth_differentials, draw_shifts
from .metric_loss_result import MetricLossResult
from .pair_hinge import pair_hinge


@MODELS.register_module()
class MultiRangeMetricLoss(nn.Module):
    """Deep metric learning for dense depth (Liu et al., MetricDepth, 2024).

    Every cell of a feature map is an anchor. Random shifts roll the map within images and
    across the batch, and pair each anchor with the cell that takes its place. A strategy
    assigns pairs to groups by their depth difference. The features of positive pairs (nearly
    equal depth) are pulled together. The features of negative pairs are pushed apart up to
    the margin of their range. Other pairs are ignored, and so are pairs without valid depth
    at both cells.

    The sum (equations 10 and 13) is divided by the number of active pairs: all positives and
    all negatives, including negatives beyond their margin. A loss weight thus means the same
    at every resolution, batch size and density of depth. ``reduction='sum'`` is the sum of
    the paper.

    Each rank forms pairs of its own images. The sum is divided by the mean number of pairs
    over ranks, so the gradients that DistributedDataParallel averages are those of the mean
    over the pairs of all ranks.

    The time is that of a few passes over the map per shift. The memory is that of four maps;
    one of them is kept for the backward pass.

    Args:
        strategy: config of a :class:`RangeStrategy`.
        num_within: N_within, pairs per anchor within the image (section IV-C and table III:
            10).
        num_across: N_across, pairs per anchor across the batch (section IV-C and table IV:
            4).
        reduction: ``'mean'`` over the active pairs of all ranks, or ``'sum'``.
        loss_weight: factor of the loss (1 in equation 14).

    Raises:
        InputError: a number is negative, both numbers of pairs are zero, or ``reduction`` is
            unknown.

    Example:
        >>> strategy = dict(type='UniformStrategy', positive_threshold=0.1,
        ...                 negative_threshold=0.5, margin=4.)
        >>> loss = MultiRangeMetricLoss(strategy, num_within=0, num_across=1)
        >>> # Two images of one cell with features 1.5 apart and depths 0.75 m apart.
        >>> feature = torch.tensor([0., 1.5]).view(2, 1, 1, 1)
        >>> loss(feature, torch.tensor([5., 5.75]).view(2, 1, 1)).loss
        tensor(2.5000)
    """

    def __init__(self, strategy: dict, num_within: int, num_across: int,
                 reduction: str = 'mean', loss_weight: float = 1.0) -> None:
        super().__init__()
        if min(num_within, num_across) < 0 or num_within + num_across == 0:
            raise InputError(f'MultiRangeMetricLoss: num_within {num_within}, num_across '
                             f'{num_across}; none may be negative and their sum must be positive')
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
        self._has_warned = False

    def forward(self, feature: torch.Tensor, depth: torch.Tensor,
                valid: Optional[torch.Tensor] = None) -> MetricLossResult:
        """Compute the loss over randomly drawn pairs of cells. Every rank must call it.

        Args:
            feature: (B, C, h, w) feature map.
            depth: (B, H, W) metres, in any resolution of the same view. Each cell takes the
                depth of the pixel at its centre.
            valid: (B, H, W) bool, where depth is known. Depth that is NaN, infinite, zero or
                negative counts as unknown.

        Returns:
            The loss, without logs. It is a differentiable zero if no pair is active.

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
            return MetricLossResult(self.loss_weight * total, {})
        num_active = counts.sum()
        all_reduce(num_active)
        loss = self.loss_weight * total * get_world_size() / num_active.clamp(min=1)
        return MetricLossResult(loss, {})

    def _draw_shifts(self, feature: torch.Tensor) -> List[Shift]:
        batch_size, _, height, width = feature.shape
        if batch_size == 1 and self.num_across and not self._has_warned:
            self._has_warned = True
            print_log('MultiRangeMetricLoss: a batch of one image has no pairs across the batch; '
                      f'only the {self.num_within} pairs per anchor within the image are used',
                      'current', level=logging.WARNING)
        return draw_shifts(batch_size, height, width, self.num_within, self.num_across)
