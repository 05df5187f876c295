"""Means over the ranks of a distributed group; each rank holds a part of the batch.

DistributedDataParallel averages gradients over ranks. A loss that each rank divides by the mean
of a count over ranks becomes, after this averaging, the mean over everything that is counted on
any rank, even if the counts differ between ranks.
"""
import torch
from mmengine.dist import all_reduce, get_world_size


def mean_over_ranks(values: torch.Tensor) -> torch.Tensor:
    """Return the elementwise mean over ranks, without a gradient. Every rank must call it."""
    values = values.detach().float().clone()
    all_reduce(values, op='mean')
    return values


def mean_count(counts: torch.Tensor) -> torch.Tensor:
    """Return the elementwise mean of counts over ranks. Every rank must call it.

    A count with a sum over ranks of zero is replaced by one, so the result is a safe divisor.

    Args:
        counts: counts of this rank, any shape.

    Example:
        >>> mean_count(torch.tensor([5, 0]))
        tensor([5., 1.])
    """
    counts = counts.detach().float().clone()
    all_reduce(counts)
    return counts.clamp(min=1) / get_world_size()
