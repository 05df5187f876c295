"""Loss of a heading that is predicted as a bin and a residual within the bin."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet3d.registry import MODELS


@MODELS.register_module()
class HeadingBinLoss(nn.Module):
    """Cross-entropy over heading bins plus L1 on the residual of the ground-truth bin.

    Args:
        independent_bins: use binary cross-entropy per bin, averaged over objects and bins
            (MonoCon), instead of cross-entropy over all bins.
        loss_weight: factor of the sum.

    Example:
        Probability 0.5 of the ground-truth bin gives log 2 = 0.6931; the residual adds 0.2.

        >>> import torch
        >>> loss = HeadingBinLoss()
        >>> loss(bin_logits=torch.zeros(1, 2), residuals=torch.tensor([[0.5, 0.1]]),
        ...      target_bins=torch.tensor([0]), target_residuals=torch.tensor([0.3]))
        tensor(0.8931)
    """

    def __init__(self, independent_bins: bool = False, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.independent_bins = independent_bins

    def forward(self, bin_logits: torch.Tensor, residuals: torch.Tensor,
                target_bins: torch.Tensor, target_residuals: torch.Tensor) -> torch.Tensor:
        """Compute the mean loss of M objects, or a differentiable zero without objects.

        Args:
            bin_logits: (M, K) logits of K bins.
            residuals: (M, K) residual of each bin, radians.
            target_bins: (M,) long, ground-truth bin.
            target_residuals: (M,) residual within the ground-truth bin, radians.

        Returns:
            The loss, a scalar.
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
