"""Sample selectors: weights of an object's ROI locations in the depth loss.

Notation: M objects with L ROI locations each.

Probabilities are compared by their logarithms. The softmax shifts all logits of an object by
the same constant, so logits can be compared directly and nothing underflows.
"""
import math
from typing import Optional

import torch
import torch.nn as nn
from mmdet3d.registry import TASK_UTILS

from ...errors import InputError


def gumbel_noise(logits: torch.Tensor) -> torch.Tensor:
    """Draw standard Gumbel noise in the shape of ``logits``."""
    exponential = torch.empty_like(logits).exponential_()
    # The generator can return 0, and log(0) is infinite.
    return -exponential.clamp_(min=torch.finfo(logits.dtype).tiny).log()


def above_largest_gap(scores: torch.Tensor, ratio_threshold: float,
                      legacy_divider: bool) -> torch.Tensor:
    """Select elements by the relative-distance divider (MonoLSS, section 3.2).

    The sorted probabilities are split at the largest ratio of neighbours. Elements above the
    split are kept. If no ratio exceeds ``ratio_threshold``, all elements are kept.

    Args:
        scores: (M, L) log-probabilities, up to a constant per row.
        ratio_threshold: smallest ratio of neighbours that splits.
        legacy_divider: whether to keep the element just below the split too, as the
            published code does.

    Returns:
        (M, L) bool, True for kept elements.

    Example:
        >>> scores = torch.tensor([[0., 1., 9., 9.5]])
        >>> above_largest_gap(scores, ratio_threshold=1000., legacy_divider=False)
        tensor([[False, False,  True,  True]])
        >>> above_largest_gap(scores, ratio_threshold=1e6, legacy_divider=False)
        tensor([[True, True, True, True]])
    """
    scores = scores.clamp(min=torch.finfo(scores.dtype).min)
    ordered = scores.sort(dim=1).values
    gap, below = ordered.diff(dim=1).max(dim=1, keepdim=True)
    least = ordered.gather(1, below if legacy_divider else below + 1)
    return (scores >= least) | (gap <= math.log(ratio_threshold))


class SampleSelector(nn.Module):
    """Base class of sample selectors.

    A selector maps the logits of ROI locations to weights of their depth losses.

    Attributes:
        depth_reduction: test-time depth that suits the selector, ``'weighted_mean'`` or
            ``'largest_logit'``. The latter needs a selector that trains the logits.
        loss_factor: factor of the mean over all locations of the weighted losses.
        num_locations: L that the selector is made for; None for any.
    """

    depth_reduction = 'weighted_mean'
    loss_factor = 1.0
    num_locations: Optional[int] = None

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Return (M, L) weights of (M, L) logits."""
        raise NotImplementedError


@TASK_UTILS.register_module()
class AllSamples(SampleSelector):
    """Selector that gives every location weight 1. The logits get no gradient.

    Example:
        >>> AllSamples()(torch.tensor([[0., 9.]]))
        tensor([[1., 1.]])
    """

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Return ones in the shape (M, L) of the logits."""
        return torch.ones_like(logits)


class GumbelSelector(SampleSelector):
    """Base class of selectors that keep some Gumbel-softmax probabilities and zero others.

    Kept weights are the probabilities. The gradient is that of the plain softmax, so it
    reaches the dropped locations too (straight-through).

    Args:
        tau: temperature of the softmax.
        deterministic: whether to omit the Gumbel noise in training. Evaluation never adds
            noise.
        normalize: whether to scale the weights of each object to a mean of 1. In the
            published code the weights sum to at most 1, so the loss falls when selection
            starts.
        loss_factor: factor of the mean over all locations of the weighted losses.

    Raises:
        InputError: ``tau`` is not positive.
    """

    depth_reduction = 'largest_logit'

    def __init__(self, tau: float = 1.0, deterministic: bool = False, normalize: bool = False,
                 loss_factor: float = 1.0) -> None:
        super().__init__()
        if not tau > 0:
            raise InputError(f'{type(self).__name__}: tau is {tau}, it must be positive')
        self.tau = tau
        self.deterministic = deterministic
        self.normalize = normalize
        self.loss_factor = loss_factor

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Return (M, L) weights of (M, L) logits, of the same dtype."""
        # In bfloat16 different logits could become equal.
        scores = logits.to(torch.promote_types(logits.dtype, torch.float32))
        if self.training and not self.deterministic:
            scores = scores + gumbel_noise(scores)
        scores = (scores - scores.detach().amax(dim=1, keepdim=True)) / self.tau
        probabilities = scores.softmax(dim=1)
        dropped = ~self.keep(scores.detach())
        weights = probabilities - (probabilities * dropped).detach()
        if self.normalize:
            weights = weights / weights.mean(dim=1, keepdim=True)
        return weights.to(logits.dtype)

    def keep(self, scores: torch.Tensor) -> torch.Tensor:
        """Return (M, L) bool, True for kept locations.

        Args:
            scores: (M, L) log-probabilities, up to a constant per row.
        """
        raise NotImplementedError


@TASK_UTILS.register_module()
class TopKSamples(GumbelSelector):
    """Selector that keeps the k most probable locations (MonoLSS's ablation "fixed k").

    Args:
        k: kept locations per object.
        num_locations: L.
        **kwargs: see :class:`GumbelSelector`.

    Raises:
        InputError: ``k`` does not lie in [1, L], or ``tau`` is not positive.

    Example:
        >>> TopKSamples(k=1, num_locations=3).eval()(torch.tensor([[0., 2., 1.]]))
        tensor([[0.0000, 0.6652, 0.0000]])
    """

    def __init__(self, k: int, num_locations: int = 49, **kwargs) -> None:
        super().__init__(**kwargs)
        if not 1 <= k <= num_locations:
            raise InputError(f'TopKSamples: k is {k}, it must lie between 1 and the '
                             f'{num_locations} locations of an ROI')
        self.k = k
        self.num_locations = num_locations

    def keep(self, scores: torch.Tensor) -> torch.Tensor:
        """Keep the K best locations of each object."""
        chosen = scores.topk(self.k, dim=1).indices
        return torch.zeros_like(scores, dtype=torch.bool).scatter(1, chosen, True)


@TASK_UTILS.register_module()
class ThresholdSamples(GumbelSelector):
    """Selector that keeps probabilities of at least a threshold, and always the largest.

    Args:
        threshold: smallest kept probability. With equal logits each of 49 locations has
            probability 0.0204.
        **kwargs: see :class:`GumbelSelector`.

    Raises:
        InputError: ``threshold`` does not lie in [0, 1), or ``tau`` is not positive.

    Example:
        >>> ThresholdSamples(threshold=0.2).eval()(torch.tensor([[0., 2., 1.]]))
        tensor([[0.0000, 0.6652, 0.2447]])
    """

    def __init__(self, threshold: float = 0.01, **kwargs) -> None:
        super().__init__(**kwargs)
        if not 0 <= threshold < 1:
            raise InputError(f'ThresholdSamples: threshold is {threshold}, it must lie in [0, 1)')
        self.threshold = threshold

    def keep(self, scores: torch.Tensor) -> torch.Tensor:
        """Keep the locations whose probability reaches the threshold."""
        probabilities = scores.softmax(dim=1)
        largest = probabilities.amax(dim=1, keepdim=True)
        return probabilities >= largest.clamp(max=self.threshold)


@TASK_UTILS.register_module()
class LearnableSampleSelector(GumbelSelector):
    """Learnable Sample Selection of MonoLSS: keep the locations above the largest gap.

    Args:
        tau: temperature of the softmax.
        ratio_threshold: smallest ratio of neighbouring sorted probabilities that splits. If
            no ratio exceeds it, all locations are kept.
        legacy_divider: whether to keep the location just below the gap too, as the published
            code does. False keeps only the locations above the gap, as in the paper.
        **kwargs: see :class:`GumbelSelector`.

    Raises:
        InputError: ``ratio_threshold`` is below 1, or ``tau`` is not positive.

    Example:
        >>> selector = LearnableSampleSelector(legacy_divider=False).eval()
        >>> selector(torch.tensor([[0., 1., 9., 9.]])).round(decimals=2)
        tensor([[0.0000, 0.0000, 0.5000, 0.5000]])
    """

    def __init__(self, tau: float = 1.0, ratio_threshold: float = 1000.,
                 legacy_divider: bool = True, **kwargs) -> None:
        super().__init__(tau, **kwargs)
        if not ratio_threshold >= 1:
            raise InputError(f'LearnableSampleSelector: ratio_threshold is {ratio_threshold}, '
                             'it must be at least 1')
        self.ratio_threshold = ratio_threshold
        self.legacy_divider = legacy_divider

    def keep(self, scores: torch.Tensor) -> torch.Tensor:
        """Keep the locations above the largest gap of the sorted scores."""
        return above_largest_gap(scores, self.ratio_threshold, self.legacy_divider)
