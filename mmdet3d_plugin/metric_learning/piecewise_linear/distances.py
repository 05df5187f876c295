"""Euclidean distances between points, without cancellation."""
import torch


def pairwise_distances(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the distances of points from their differences.

    Equal points have distance exactly zero, with gradient zero.

    Args:
        first: (N, D).
        second: (K, D).

    Returns:
        (N, K).
    """
    return torch.cdist(first, second, compute_mode='donot_use_mm_for_euclid_dist')
