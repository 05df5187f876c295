"""Loss of a heading given as a bin and a residual inside the bin."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet3d.registry import MODELS


@MODELS.register_module()
class HeadingBinLoss(nn.Module):
    """Cross-entropy over heading bins plus L1 on the true bin's residual.

    Args:
        independent_bins: binary cross-entropy of each bin, mean over objects and bins
            (MonoCon), in place of the softmax over them.
        loss_weight: factor of the sum.
    """

    def __init__(self, independent_bins: bool = False, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.loss_bin = MODELS.build(dict(
            type='mmdet.CrossEntropyLoss', use_sigmoid=independent_bins))

    def forward(self, bin_logits: torch.Tensor, residuals: torch.Tensor,
                target_bins: torch.Tensor, target_residuals: torch.Tensor) -> torch.Tensor:
        """Mean over the M objects.

        Args:
            bin_logits, residuals: (M, K) for K bins; residuals in radians.
            target_bins: (M,) long.
            target_residuals: (M,) radians.
        """
        chosen = residuals.gather(1, target_bins[:, None])[:, 0]
        return self.loss_weight * (self.loss_bin(bin_logits, target_bins)
                                   + F.l1_loss(chosen, target_residuals))
