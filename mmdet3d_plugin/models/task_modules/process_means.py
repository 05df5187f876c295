"""Numbers of all processes, each of which holds a part of the batch.

DistributedDataParallel averages gradients over processes. Losses that divide by the
mean of a count over processes hence become, once averaged, a mean over everything that
is counted anywhere, however unevenly it is spread.
"""
import torch
from mmengine.dist import all_reduce, get_world_size


def mean_over_processes(values: torch.Tensor) -> torch.Tensor:
    """Mean over processes, elementwise, without a gradient. Every process must call it."""
    values = values.detach().float().clone()
    all_reduce(values, op='mean')
    return values


def mean_count(counts: torch.Tensor) -> torch.Tensor:
    """Mean over processes of counts (any shape), which are together at least 1, so that
    dividing by them is safe. Every process must call it."""
    counts = counts.detach().float().clone()
    all_reduce(counts)
    return counts.clamp(min=1) / get_world_size()
