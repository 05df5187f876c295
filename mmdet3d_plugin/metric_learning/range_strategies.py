"""Strategies that assign pairs to groups by depth differential, and their margins.

Notation: N shifts, B images, h x w cells, J subgroups of negatives, G = 1 + J groups.
"""
import math
from typing import Sequence, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet3d.registry import MODELS
from mmengine.dist import all_reduce

from ..errors import InputError
from .pair_hinge import PairGroups


class RangeStrategy(nn.Module):
    """Base class of strategies. Each step calls ``forward`` once and then ``observe`` once."""

    def forward(self, differentials: torch.Tensor) -> PairGroups:
        """Return the groups of this step.

        Args:
            differentials: (N, B, h, w) depth differentials, metres, NaN where unknown.
        """
        raise NotImplementedError

    def observe(self, counts: torch.Tensor, distances: torch.Tensor) -> None:
        """Receive the statistics of this step.

        Args:
            counts: (G,) number of pairs in each group.
            distances: (G,) sum of feature distances in each group.
        """


@MODELS.register_module()
class MultiRangeStrategy(RangeStrategy):
    """Fixed ranges and margins (MetricDepth, equations 11 and 12).

    Tables I, II and VI of the paper list the values for models and datasets. A range
    includes its lower bound and excludes its upper bound, so ranges may adjoin.

    Args:
        positive_threshold: r_p, metres; pairs with a smaller depth differential are positives.
        ranges: ``(r_l, r_h)`` of each subgroup of negatives, metres, in rising order; the
            last may end at ``inf``.
        margins: m_ra of each range, feature distance.

    Raises:
        InputError: a number is out of its range, ranges overlap or are not in order, or
            the numbers of margins and ranges differ.

    Example:
        >>> strategy = MultiRangeStrategy(0.1, ranges=[(0.5, 1.), (1., 2.)], margins=[3., 6.])
        >>> groups = strategy(torch.zeros(0))
        >>> groups.lower, groups.margins
        (tensor([0.0000, 0.5000, 1.0000]), tensor([0., 3., 6.]))
    """

    def __init__(self, positive_threshold: float, ranges: Sequence[Tuple[float, float]],
                 margins: Sequence[float]) -> None:
        super().__init__()
        name = type(self).__name__
        _check_threshold(name, positive_threshold)
        if not ranges or any(not isinstance(bounds, Sequence) or len(bounds) != 2
                             for bounds in ranges):
            raise InputError(f'{name}: ranges are {list(ranges)}, expected one or more pairs '
                             '(r_l, r_h)')
        if len(margins) != len(ranges):
            raise InputError(f'{name}: {len(margins)} margins for {len(ranges)} ranges, expected '
                             'one for each')
        if not all(0 <= margin < math.inf for margin in margins):
            raise InputError(f'{name}: margins are {list(margins)}, expected finite numbers, none '
                             'negative')
        if not all(0 <= low < high for low, high in ranges):
            raise InputError(f'{name}: ranges are {list(ranges)}, expected 0 <= r_l < r_h in each')
        if any(high > low for (_, high), (low, _) in zip(ranges, ranges[1:])):
            raise InputError(f'{name}: ranges {list(ranges)} overlap or are not in rising order')
        if positive_threshold > ranges[0][0]:
            raise InputError(f'{name}: positive_threshold {positive_threshold} lies above the '
                             f'first range, which starts at {ranges[0][0]}')
        lower, upper = zip((0., positive_threshold), *ranges)
        for key, values in zip(PairGroups._fields, (lower, upper, (0., *margins))):
            self.register_buffer(key, torch.tensor(values, dtype=torch.float), persistent=False)

    def forward(self, differentials: torch.Tensor) -> PairGroups:
        """Return the fixed ranges and margins."""
        return PairGroups(self.lower, self.upper, self.margins)


@MODELS.register_module()
class UniformStrategy(MultiRangeStrategy):
    """One range of negatives without an upper bound (MetricDepth, equations 8 and 9).

    Table VII of the paper lists thresholds and margins.

    Args:
        positive_threshold: r_p, metres; pairs with a smaller depth differential are positives.
        negative_threshold: r_n, metres; pairs with at least this differential are negatives.
        margin: m_u, feature distance.

    Raises:
        InputError: a number is out of its range, or r_p lies above r_n.

    Example:
        >>> UniformStrategy(0.1, negative_threshold=0.5, margin=4.)(torch.zeros(0)).upper
        tensor([0.1000,    inf])
    """

    def __init__(self, positive_threshold: float, negative_threshold: float,
                 margin: float) -> None:
        super().__init__(positive_threshold, [(negative_threshold, math.inf)], [margin])


@MODELS.register_module()
class AdaptiveStrategy(RangeStrategy):
    """Ranges and margins that adapt to depths and features during training.

    This strategy is an addition to the paper, which names the manual search for ranges and
    margins as its limitation (section V).

    The bounds of the ranges are running quantiles of the depth differentials. Margins are
    proportional to each range's running mean feature distance, made non-decreasing, and
    rescaled to average ``mean_margin``. The fixed average keeps margins from growing or
    vanishing together with the features.

    In training, each step first updates the quantiles. Its feature distances then update the
    margins of the next step. The statistics are means over ranks, so they are the same on
    every rank, and they are part of the checkpoint. In evaluation they do not change. Before
    the first step there are no negatives. The first margins are all equal.

    Args:
        positive_threshold: r_p, metres; lower limit of all range bounds.
        quantiles: J + 1 rising levels in [0, 1] of the J ranges' bounds.
        mean_margin: mean of the J margins, feature distance.
        momentum: weight of the current step in the running statistics, in (0, 1].
        max_pairs: largest number of pairs per step and rank in the quantiles; a random
            subset is used if there are more.

    Raises:
        InputError: a number is out of its range.

    Example:
        >>> strategy = AdaptiveStrategy(0.1, quantiles=[0., 0.5, 1.], mean_margin=5.,
        ...                             momentum=0.1, max_pairs=1000)
        >>> groups = strategy(torch.tensor([1., 2., 3.]))
        >>> groups.lower, groups.margins
        (tensor([0., 1., 2.]), tensor([0., 5., 5.]))
    """

    def __init__(self, positive_threshold: float, quantiles: Sequence[float], mean_margin: float,
                 momentum: float, max_pairs: int) -> None:
        super().__init__()
        _check_threshold('AdaptiveStrategy', positive_threshold)
        levels = list(quantiles)
        if len(levels) < 2 or not all(0 <= level <= 1 for level in levels) or any(
                low >= high for low, high in zip(levels, levels[1:])):
            raise InputError(f'AdaptiveStrategy: quantiles are {levels}, expected two or more '
                             'rising levels in [0, 1]')
        if not (0 <= mean_margin < math.inf and 0 < momentum <= 1 and max_pairs > 0):
            raise InputError(f'AdaptiveStrategy: mean_margin {mean_margin}, momentum {momentum}, '
                             f'max_pairs {max_pairs}; expected a finite margin, not negative, a '
                             'momentum in (0, 1] and at least one pair')
        self.positive_threshold = positive_threshold
        self.mean_margin = mean_margin
        self.momentum = momentum
        self.max_pairs = max_pairs
        self.register_buffer('levels', torch.tensor(levels), persistent=False)
        self.register_buffer('edges', torch.full((len(levels), ), torch.nan))
        self.register_buffer('spreads', torch.ones(len(levels) - 1))

    @torch.no_grad()
    def forward(self, differentials: torch.Tensor) -> PairGroups:
        """Update the ranges in training, and return them with their margins."""
        if self.training:
            self._update(self.edges, self._quantiles(differentials))
        edges = self.edges.clamp(min=self.positive_threshold)
        spreads = self.spreads.cummax(dim=0).values
        margins = self.mean_margin * spreads / spreads.mean()
        return PairGroups(
            torch.cat([edges.new_zeros(1), edges[:-1]]),
            torch.cat([edges.new_full((1, ), self.positive_threshold), edges[1:]]),
            torch.cat([margins.new_zeros(1), margins]))

    @torch.no_grad()
    def observe(self, counts: torch.Tensor, distances: torch.Tensor) -> None:
        """Update the mean feature distance of each range from the pairs of a batch."""
        if self.training:
            sums = torch.stack([counts[1:], distances[1:]])
            all_reduce(sums)
            means = sums[1] / sums[0]
            self._update(self.spreads, means / means.nanmean())

    def _quantiles(self, differentials: torch.Tensor) -> torch.Tensor:
        """Return (J + 1,) mean quantiles over ranks, metres; NaN without a valid pair."""
        values = differentials.to(self.levels).flatten()
        if len(values) > self.max_pairs:
            values = values[torch.randint(len(values), (self.max_pairs, ), device=values.device)]
        # nanquantile gives NaN for a single NaN, but fails on an empty tensor.
        quantiles = F.pad(values, (0, 1), value=torch.nan).nanquantile(self.levels)
        sums = torch.stack([quantiles.nan_to_num(), quantiles.isfinite().to(quantiles)])
        all_reduce(sums)
        return sums[0] / sums[1]

    def _update(self, running: torch.Tensor, values: torch.Tensor) -> None:
        """Update running statistics in place; the first finite values replace NaN."""
        values = values.to(running)
        mixed = torch.where(running.isfinite(), running.lerp(values, self.momentum), values)
        running.copy_(torch.where(values.isfinite(), mixed, running))


def _check_threshold(name: str, positive_threshold: float) -> None:
    if not 0 <= positive_threshold < math.inf:
        raise InputError(f'{name}: positive_threshold is {positive_threshold}, expected a finite '
                         'number of metres, not negative')
