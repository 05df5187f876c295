"""Sample selector: which locations of an object train its depth."""
import torch
from mmdet3d.registry import TASK_UTILS

from mmdet3d_plugin.models.task_modules.sample_selectors import SampleSelector


@TASK_UTILS.register_module()
class LargestLogits(SampleSelector):
    """Selector that keeps the locations with the largest logits, each with the same weight.

    Args:
        share: share of the locations to keep, 0-1.

    Example:
        >>> LargestLogits(share=0.5)(torch.tensor([[3., 1., 2., 0.]]))
        tensor([[2., 0., 2., 0.]])
    """

    def __init__(self, share: float = 0.5) -> None:
        super().__init__()
        self.share = share

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Return (M, L) weights of (M, L) logits."""
        kept = max(1, round(self.share * logits.shape[1]))
        chosen = logits.topk(kept, dim=1).indices
        # The weights of an object have a mean of 1.
        return torch.zeros_like(logits).scatter(1, chosen, logits.shape[1] / kept)
