"""Angles as a bin and a residual."""
import math
from typing import Tuple

import torch
from mmdet3d.registry import TASK_UTILS

from ...geometry import wrap_angle


@TASK_UTILS.register_module()
class HeadingBinCoder:
    """Splits the circle into equal bins; bin 0 is centred on angle 0.

    Args:
        num_bins: K, number of bins (MonoLSS and its ancestors: 12).
    """

    def __init__(self, num_bins: int = 12) -> None:
        self.num_bins = num_bins
        self.bin_width = 2 * math.pi / num_bins

    def encode(self, angles: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """(M,) radians -> (M,) long bins and (M,) residuals in radians."""
        shifted = (angles + self.bin_width / 2) % (2 * math.pi)
        # The remainder of a tiny negative angle can round to the full circle.
        bins = (shifted / self.bin_width).long().clamp(max=self.num_bins - 1)
        return bins, shifted - (bins + 0.5) * self.bin_width

    def decode(self, bin_logits: torch.Tensor, residuals: torch.Tensor) -> torch.Tensor:
        """(M, K) logits and residuals -> (M,) radians in [-pi, pi)."""
        bins = bin_logits.argmax(dim=1)
        chosen = residuals.gather(1, bins[:, None])[:, 0]
        return wrap_angle(bins * self.bin_width + chosen)
