"""Which of an object's ROI locations learn to regress depth.

A selector maps logits (M, L), one for each of L ROI locations of M objects, to
weights (M, L) that multiply the locations' depth losses, whose mean is then
multiplied by ``loss_factor``. ``depth_reduction`` names the test-time depth that
suits it: a selector that trains the logits can trust the location with the
largest one.

Probabilities are compared by their logarithms, which the softmax only shifts, so
nothing underflows however far the logits lie apart.
"""
import math

import torch
import torch.nn as nn
from mmdet3d.registry import TASK_UTILS

from ...errors import InputError


def gumbel_noise(logits: torch.Tensor) -> torch.Tensor:
    """Samples of the standard Gumbel distribution in the shape of ``logits``."""
    exponential = torch.empty_like(logits).exponential_()
    # The generator can return 0, whose logarithm would be infinite.
    return -exponential.clamp_(min=torch.finfo(logits.dtype).tiny).log()


def above_largest_gap(scores: torch.Tensor, ratio_threshold: float,
                      legacy_divider: bool) -> torch.Tensor:
    """Relative-distance divider (MonoLSS, section 3.2).

    Sorted probabilities fall into two parts where the ratio of neighbours is
    largest. If no ratio exceeds ``ratio_threshold``, all are kept.

    Args:
        scores: (M, L) log-probabilities, up to a constant in each row.
        ratio_threshold: least ratio of neighbours that divides.
        legacy_divider: also keeps the element just below the gap, as the
            published code does.

    Returns:
        (M, L) bool, which elements are kept.
    """
    scores = scores.clamp(min=torch.finfo(scores.dtype).min)
    ordered = scores.sort(dim=1).values
    gap, below = ordered.diff(dim=1).max(dim=1, keepdim=True)
    least = ordered.gather(1, below if legacy_divider else below + 1)
    return (scores >= least) | (gap <= math.log(ratio_threshold))


@TASK_UTILS.register_module()
class AllSamples(nn.Module):
    """Every location counts the same; the logits don't learn."""
    depth_reduction = 'weighted_mean'
    loss_factor = 1.0

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(logits)


class GumbelSelector(nn.Module):
    """Gumbel-softmax probabilities, of which a rule keeps some and zeroes the rest.

    What is kept stays soft. The gradient is that of the plain softmax and so
    reaches the dropped locations too (straight-through).

    Args:
        tau: temperature of the softmax.
        deterministic: adds no Gumbel noise in training either; at evaluation
            there never is any.
        normalize: scales the weights of each object to a mean of 1; the published
            code leaves their sum at most 1, and the loss falls when selection
            starts.
        loss_factor: of the mean over all locations of the weighted losses.

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
        """(M, L) logits -> (M, L) weights of the same type."""
        # bfloat16 would tie what differs.
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
        """(M, L) log-probabilities, up to a constant in each row -> (M, L) bool."""
        raise NotImplementedError


@TASK_UTILS.register_module()
class TopKSamples(GumbelSelector):
    """Keeps a fixed number of locations (MonoLSS's ablation "fixed k").

    Args:
        k: locations kept of each object.
        num_locations: L.
    """

    def __init__(self, k: int, num_locations: int = 49, **kwargs) -> None:
        super().__init__(**kwargs)
        if not 1 <= k <= num_locations:
            raise InputError(f'TopKSamples: k is {k}, it must lie between 1 and the '
                             f'{num_locations} locations of an ROI')
        self.k = k
        self.num_locations = num_locations

    def keep(self, scores: torch.Tensor) -> torch.Tensor:
        chosen = scores.topk(self.k, dim=1).indices
        return torch.zeros_like(scores, dtype=torch.bool).scatter(1, chosen, True)


@TASK_UTILS.register_module()
class ThresholdSamples(GumbelSelector):
    """Keeps the locations whose probability reaches a threshold, and the largest.

    Args:
        threshold: probability; evenly spread, each of 49 locations has 0.0204.
    """

    def __init__(self, threshold: float = 0.01, **kwargs) -> None:
        super().__init__(**kwargs)
        if not 0 <= threshold < 1:
            raise InputError(f'ThresholdSamples: threshold is {threshold}, it must lie in [0, 1)')
        self.threshold = threshold

    def keep(self, scores: torch.Tensor) -> torch.Tensor:
        probabilities = scores.softmax(dim=1)
        largest = probabilities.amax(dim=1, keepdim=True)
        return probabilities >= largest.clamp(max=self.threshold)


@TASK_UTILS.register_module()
class LearnableSampleSelector(GumbelSelector):
    """MonoLSS's Learnable Sample Selection: the largest gap marks the divide.

    Args:
        tau: temperature of the softmax.
        ratio_threshold: least ratio of neighbouring probabilities that divides;
            without one all locations are kept.
        legacy_divider: also keeps the location just below the gap, as the
            published code does; False keeps those above it, as the paper says.
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
        return above_largest_gap(scores, self.ratio_threshold, self.legacy_divider)
