"""Which of an object's ROI locations learn to regress depth.

A selector maps logits (M, L), one for each of L ROI locations of M objects, to
weights (M, L) that multiply the locations' depth losses. ``depth_reduction``
names the test-time depth that suits it: a selector that trains the logits can
trust the location with the largest one.
"""
import torch
import torch.nn as nn
from mmdet3d.registry import TASK_UTILS


@TASK_UTILS.register_module()
class AllSamples(nn.Module):
    """Every location counts the same; the logits don't learn."""
    depth_reduction = 'weighted_mean'

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(logits)
