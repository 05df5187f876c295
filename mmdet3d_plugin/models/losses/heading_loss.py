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
        self.independent_bins = independent_bins

    def forward(self, bin_logits: torch.Tensor, residuals: torch.Tensor,
                target_bins: torch.Tensor, target_residuals: torch.Tensor) -> torch.Tensor:
        """Mean over the M objects; zero with a graph where there are none.

        Args:
            bin_logits, residuals: (M, K) for K bins; residuals in radians.
            target_bins: (M,) long.
            target_residuals: (M,) radians.
        """
        chosen = residuals.gather(1, target_bins[:, None])[:, 0]
        if not len(target_bins):
            return bin_logits.sum() + chosen.sum()
        if self.independent_bins:
            one_hot = F.one_hot(target_bins, bin_logits.shape[1]).to(bin_logits)
            bin_loss = F.binary_cross_entropy_with_logits(bin_logits, one_hot)
        else:
            bin_loss = F.cross_entropy(bin_logits, target_bins)
        return self.loss_weight * (bin_loss + F.l1_loss(chosen, target_residuals))
