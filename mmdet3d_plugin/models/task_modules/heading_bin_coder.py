"""Coder of heading angles as a bin and a residual."""
import math
from typing import Tuple

import torch
from mmdet3d.registry import TASK_UTILS

from ...geometry import wrap_angle


@TASK_UTILS.register_module()
class HeadingBinCoder:
    """Coder that splits the circle into equal bins; bin 0 is centred on angle 0.

    Args:
        num_bins: N, number of bins (12 in MonoDLE, MonoCon, GUPNet, DID-M3D and MonoLSS).

    Example:
        >>> coder = HeadingBinCoder(num_bins=4)
        >>> bins, residuals = coder.encode(torch.tensor([math.pi / 2 + 0.25]))
        >>> bins, residuals
        (tensor([1]), tensor([0.2500]))
        >>> logits = torch.nn.functional.one_hot(bins, 4).float()
        >>> coder.decode(logits, residuals.expand(1, 4))  # pi / 2 + 0.25
        tensor([1.8208])
    """

    def __init__(self, num_bins: int = 12) -> None:
        self.num_bins = num_bins
        self.bin_width = 2 * math.pi / num_bins

    def encode(self, angles: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """Encode (M,) radians as (M,) long bins and (M,) residuals in radians."""
        shifted = (angles + self.bin_width / 2) % (2 * math.pi)
        # The remainder of a tiny negative angle can round to the full circle.
        bins = (shifted / self.bin_width).long().clamp(max=self.num_bins - 1)
        return bins, shifted - (bins + 0.5) * self.bin_width

    def decode(self, bin_logits: torch.Tensor, residuals: torch.Tensor) -> torch.Tensor:
        """Decode (M, N) bin logits and (M, N) residuals to (M,) radians in [-pi, pi)."""
        bins = bin_logits.argmax(dim=1)
        chosen = residuals.gather(1, bins[:, None])[:, 0]
        return wrap_angle(bins * self.bin_width + chosen)
