"""Which pairs attract, which repel, and how far apart they belong, by depth differential.

Legend: N samples, B images, h x w cells, J subgroups of negatives, G = 1 + J groups.
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
    """What :class:`MultiRangeMetricLoss` asks, once each, in every step."""

    def forward(self, differentials: torch.Tensor) -> PairGroups:
        """The groups of this step.

        Args:
            differentials: (N, B, h, w) metres, NaN where a pair has none.
        """
        raise NotImplementedError

    def observe(self, counts: torch.Tensor, distances: torch.Tensor) -> None:
        """Sees each group's number of pairs (G,) and sum of feature distances (G,)."""


@MODELS.register_module()
class MultiRangeStrategy(RangeStrategy):
    """Ranges and margins as given (MetricDepth, equations 11 and 12; its tables I, II and VI
    name them for models and datasets).

    A range holds its lower bound and not its upper one, so that ranges may adjoin.

    Args:
        positive_threshold: r_p, metres; pairs that differ by less are positives.
        ranges: ``(r_l, r_h)`` of each subgroup of negatives, metres, in rising order; the
            last may end at ``inf``.
        margins: m_ra of each range, feature distance.

    Raises:
        InputError: a number is out of its range, ranges overlap or are not in order, or
            there are not as many margins.
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
        return PairGroups(self.lower, self.upper, self.margins)


@MODELS.register_module()
class UniformStrategy(MultiRangeStrategy):
    """One open range of negatives (MetricDepth, equations 8 and 9; its table VII names
    thresholds and margins).

    Args:
        positive_threshold: r_p, metres.
        negative_threshold: r_n, metres; pairs that differ by as much or more are negatives.
        margin: m_u, feature distance.

    Raises:
        InputError: a number is out of its range or r_p above r_n.
    """

    def __init__(self, positive_threshold: float, negative_threshold: float,
                 margin: float) -> None:
        super().__init__(positive_threshold, [(negative_threshold, math.inf)], [margin])


@MODELS.register_module()
class AdaptiveStrategy(RangeStrategy):
    """Ranges and margins that follow depths and features while they train. Not of the paper,
    which names the search for them as its limit (section V).

    Ranges adjoin at running quantiles of the depth differentials. Their margins share out
    ``mean_margin`` as the running mean feature distances of the subgroups stand to each
    other, with none below that of a nearer subgroup: what lies further apart is to lie
    further apart. Their mean is held, for margins that followed the features' scale too
    could grow or vanish with it.

    In training, each step first moves the quantiles and then, with its feature distances,
    the next step's margins; statistics are means over all processes, which hence hold the
    same. In evaluation nothing moves. They are part of the checkpoint. Before the first
    step there are no negatives, and the first margins are all equal.

    Args:
        positive_threshold: r_p, metres; no range starts below.
        quantiles: J + 1 levels in [0, 1], rising, at which the ranges adjoin.
        mean_margin: of the J margins, feature distance.
        momentum: share of a step in the running statistics, in (0, 1].
        max_pairs: of a step and process, whose quantiles are taken; random ones where
            there are more.

    Raises:
        InputError: a number is out of its range.
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
        if self.training:
            self._follow(self.edges, self._quantiles(differentials))
        edges = self.edges.clamp(min=self.positive_threshold)
        spreads = self.spreads.cummax(dim=0).values
        margins = self.mean_margin * spreads / spreads.mean()
        return PairGroups(
            torch.cat([edges.new_zeros(1), edges[:-1]]),
            torch.cat([edges.new_full((1, ), self.positive_threshold), edges[1:]]),
            torch.cat([margins.new_zeros(1), margins]))

    @torch.no_grad()
    def observe(self, counts: torch.Tensor, distances: torch.Tensor) -> None:
        if self.training:
            sums = torch.stack([counts[1:], distances[1:]])
            all_reduce(sums)
            means = sums[1] / sums[0]
            self._follow(self.spreads, means / means.nanmean())

    def _quantiles(self, differentials: torch.Tensor) -> torch.Tensor:
        """(J + 1,) metres: the mean of the processes' quantiles, NaN without a valid pair."""
        values = differentials.to(self.levels).flatten()
        if len(values) > self.max_pairs:
            values = values[torch.randint(len(values), (self.max_pairs, ), device=values.device)]
        # Of nothing but an unknown value, quantiles are unknown; of nothing at all, an error.
        quantiles = F.pad(values, (0, 1), value=torch.nan).nanquantile(self.levels)
        sums = torch.stack([quantiles.nan_to_num(), quantiles.isfinite().to(quantiles)])
        all_reduce(sums)
        return sums[0] / sums[1]

    def _follow(self, running: torch.Tensor, values: torch.Tensor) -> None:
        """Moves running statistics towards finite values; the first ones count whole."""
        values = values.to(running)
        mixed = torch.where(running.isfinite(), running.lerp(values, self.momentum), values)
        running.copy_(torch.where(values.isfinite(), mixed, running))


def _check_threshold(name: str, positive_threshold: float) -> None:
    if not 0 <= positive_threshold < math.inf:
        raise InputError(f'{name}: positive_threshold is {positive_threshold}, expected a finite '
                         'number of metres, not negative')
