"""Feature samples of MetricDepth: a map rolled within its images and across the batch.

Legend: B images, h x w cells, C channels, N shifts. Maps are (B, h, w) or (B, h, w, C).
"""
from itertools import product
from typing import Iterator, List, Tuple

import torch
import torch.nn.functional as F

# Units by which images of the batch, rows and columns are rolled, as by torch.roll.
Shift = Tuple[int, int, int]
Block = Tuple[slice, slice, slice]


def _draw(size: int) -> int:
    """A random unit in [1, size - 1] (MetricDepth, equations 1 and 2); 0 if there is none."""
    return int(torch.randint(1, size, (), device='cpu')) if size > 1 else 0


def draw_shifts(batch_size: int, height: int, width: int, num_within: int,
                num_across: int) -> List[Shift]:
    """Random shifts, each of which gives every cell one sample (MetricDepth, section III-A).

    Those within images roll rows and columns; those across the batch roll images, none
    of them again before all others had their turn. A shift by nothing is left out: a
    batch of one image has no samples across, a map of one cell none within.

    They come from torch's generator on the host, so no device is waited for.

    Returns:
        at most ``num_within + num_across`` shifts.
    """
    within = [(0, _draw(height), _draw(width)) for _ in range(num_within)]
    others = (1 + torch.randperm(max(batch_size - 1, 0), device='cpu')).tolist() or [0]
    across = [(others[k % len(others)], 0, 0) for k in range(num_across)]
    return [shift for shift in within + across if any(shift)]


def _segments(size: int, unit: int) -> List[Tuple[slice, slice]]:
    """Where an axis and itself rolled by ``unit`` run side by side: (anchors, samples)."""
    if unit == 0:
        return [(slice(None), slice(None))]
    return [(slice(unit, None), slice(0, size - unit)), (slice(0, unit), slice(size - unit, None))]


def _blocks(maps: torch.Tensor, shift: Shift) -> Iterator[Tuple[Block, Block]]:
    """Blocks of anchors and of their samples, which spare copies of the rolled map."""
    for segments in product(*map(_segments, maps.shape, shift)):
        yield tuple(zip(*segments))


def subtract_samples(maps: torch.Tensor, shift: Shift, out: torch.Tensor) -> None:
    """``out = maps - rolled maps`` (MetricDepth, equations 3 and 4)."""
    for anchors, samples in _blocks(maps, shift):
        torch.sub(maps[anchors], maps[samples], out=out[anchors])


def subtract_from_samples(maps: torch.Tensor, shift: Shift, values: torch.Tensor) -> None:
    """Takes the anchors' values from where their samples lie in ``maps``."""
    for anchors, samples in _blocks(maps, shift):
        maps[samples].sub_(values[anchors])


def depth_at_cells(depth: torch.Tensor, valid: torch.Tensor,
                   size: Tuple[int, int]) -> torch.Tensor:
    """Depth of a feature map's cells: the pixel's at a cell's centre, never a blend.

    Args:
        depth: (B, H, W) metres.
        valid: (B, H, W) bool.
        size: (h, w) of the feature map.

    Returns:
        (B, h, w) metres, NaN where depth is not valid, not finite or not positive.
    """
    known = valid & depth.isfinite() & (depth > 0)
    return F.interpolate(torch.where(known, depth, torch.nan)[:, None], size,
                         mode='nearest-exact')[:, 0]


def depth_differentials(depth: torch.Tensor, shifts: List[Shift]) -> torch.Tensor:
    """``|D_a - D_s|`` (MetricDepth, equation 7), NaN where either depth is.

    Args:
        depth: (B, h, w) metres.

    Returns:
        (N, B, h, w) metres.
    """
    differentials = depth.new_empty(len(shifts), *depth.shape)
    for out, shift in zip(differentials, shifts):
        subtract_samples(depth, shift, out)
    return differentials.abs_()
