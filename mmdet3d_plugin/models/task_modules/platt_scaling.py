"""Platt scaling of scores per class."""
import logging
from typing import Tuple

import numpy as np
import torch
import torch.nn as nn
from mmdet3d.registry import TASK_UTILS
from mmengine.logging import print_log

IDENTITY = (1., 0.)  # scale and offset
MIN_SCALE = 1e-3  # a smaller scale makes all scores of a class nearly equal
# Bounds that keep the logit of a float32 score finite: its smallest normal number, and the largest
# number below 1.
LOWEST, HIGHEST = 2. ** -126, 1. - 2. ** -24


@TASK_UTILS.register_module()
class PlattScaling(nn.Module):
    """Platt scaling of scores per class.

    The calibrated score is ``sigmoid(scale * logit(score) + offset)`` with the positive scale and
    the offset of the class. It increases with the score, so the order of the detections of a
    class does not change. A new module does not change scores. ``tools/calibrate.py`` fits it and
    stores the result in the checkpoint. A training does not change it.

    Source: Platt, Probabilistic Outputs for Support Vector Machines and Comparisons to
    Regularized Likelihood Methods, in Advances in Large Margin Classifiers, 1999, section 2.

    Args:
        num_classes: number of classes.

    Attributes:
        scale: buffer, (num_classes,), positive.
        offset: buffer, (num_classes,).

    Example:
        >>> calibration = PlattScaling(num_classes=2)
        >>> scores, labels = torch.tensor([.1, .1]), torch.tensor([0, 1])
        >>> calibration(scores, labels)
        tensor([0.1000, 0.1000])
        >>> calibration.offset[1] = torch.tensor(81.).log()  # odds 1 : 9 become 9 : 1
        >>> calibration(scores, labels)
        tensor([0.1000, 0.9000])
    """

    scale: torch.Tensor
    offset: torch.Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        scale, offset = IDENTITY
        self.register_buffer('scale', torch.full((num_classes, ), scale))
        self.register_buffer('offset', torch.full((num_classes, ), offset))

    def forward(self, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Calibrate scores.

        Args:
            scores: (N,) scores, 0 to 1.
            labels: (N,) int, class indices.

        Returns:
            (N,) calibrated scores, 0 to 1.
        """
        scale, offset = self.scale[labels], self.offset[labels]
        calibrated = (scale * _logits(scores.float()) + offset).sigmoid()
        # Score 0 would mark a dropped detection in an exported file.
        calibrated = calibrated.clamp(min=LOWEST).to(scores.dtype)
        # The logit and the sigmoid of a score differ from it by rounding.
        unchanged = (scale == IDENTITY[0]) & (offset == IDENTITY[1])
        return torch.where(unchanged, scores, calibrated)


def fit_platt_scaling(scores: np.ndarray, true_positives: np.ndarray,
                      title: str = 'scores') -> Tuple[float, float]:
    """Fit the Platt scaling of one class by maximum likelihood.

    Targets are Platt's: (T + 1) / (T + 2) for T true positives and 1 / (F + 2) for F false
    positives, in place of 1 and 0. The fit is therefore finite if a score separates true
    positives from false positives.

    Args:
        scores: (N,) scores, 0 to 1.
        true_positives: (N,) bool, whether the detection is a true positive.
        title: name of the scores in warnings, such as the class.

    Returns:
        Scale and offset, see :class:`PlattScaling`. They are 1 and 0, and a warning is logged, if
        there are only true positives, only false positives or no detections, if all scores are
        equal, or if true positives score no higher than false positives.

    Example:
        True positives are drawn with the odds 9 * (s / (1 - s))^2 of each score s:

        >>> rng = np.random.default_rng(0)
        >>> scores = rng.uniform(.05, .3, 20000)
        >>> odds = 9 * (scores / (1 - scores)) ** 2
        >>> scale, offset = fit_platt_scaling(scores, rng.random(20000) < odds / (1 + odds))
        >>> abs(scale - 2) < .1, abs(offset - np.log(9)) < .15
        (True, True)
    """
    count = len(true_positives)
    true_count = int(true_positives.sum())
    false_count = count - true_count
    if not count:
        return _unchanged(title, 'no detections')
    if not false_count:
        return _unchanged(title, 'only true positives')
    if not true_count:
        return _unchanged(title, 'only false positives')
    logits = _logits(torch.from_numpy(np.asarray(scores, dtype=np.float64))).numpy()
    if np.ptp(logits) == 0:
        return _unchanged(title, 'all scores are equal')
    from sklearn.linear_model import LogisticRegression  # takes a second to import
    targets = np.where(true_positives, (true_count + 1) / (true_count + 2), 1 / (false_count + 2))
    # A soft target is a true and a false positive with the weights of its two outcomes.
    model = LogisticRegression(C=np.inf, max_iter=1000).fit(
        np.tile(logits, 2)[:, None], np.repeat([True, False], count),
        np.concatenate([targets, 1 - targets]))
    scale, offset = float(model.coef_[0, 0]), float(model.intercept_[0])
    if scale < MIN_SCALE:
        return _unchanged(title, 'true positives score no higher than false positives '
                          f'(scale {scale:.2g})')
    return scale, offset


def _logits(scores: torch.Tensor) -> torch.Tensor:
    """Return the logits of scores, which are finite for 0 and 1 too."""
    scores = scores.clamp(LOWEST, HIGHEST)
    return scores.log() - (1 - scores).log()


def _unchanged(title: str, reason: str) -> Tuple[float, float]:
    print_log(f'{title}: {reason}; the scores stay as they are', 'current',
              level=logging.WARNING)
    return IDENTITY
