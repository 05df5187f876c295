"""Mean loss over a masked part of the points."""
import torch
import torch.nn as nn

from ..task_modules.rank_means import mean_count


def masked_loss(loss: nn.Module, prediction: torch.Tensor, target: torch.Tensor,
                mask: torch.Tensor) -> torch.Tensor:
    """Compute the mean loss over the masked points of all ranks. Every rank must call it.

    Args:
        loss: loss that is called with (prediction, target, weight) and averages over all
            elements.
        prediction, target: (M, ..., 2). The target of a point outside the mask may hold any
            value.
        mask: (M, ...) bool.

    Returns:
        The loss, a scalar: a differentiable zero without points.

    Example:
        >>> from mmdet3d_plugin.models.losses import WeightedL1Loss
        >>> target = torch.tensor([[1., 2.], [torch.inf, 0.]])
        >>> masked_loss(WeightedL1Loss(), torch.zeros(2, 2), target, torch.tensor([True, False]))
        tensor(1.5000)
    """
    weight = mask[..., None].expand_as(target).to(prediction)
    # The loss averages over all elements of this rank, masked or not.
    share = weight.numel() / mean_count(weight.sum())
    total = loss(prediction, torch.where(mask[..., None], target, 0.), weight * share)
    return total if len(mask) else prediction.sum() * 0
