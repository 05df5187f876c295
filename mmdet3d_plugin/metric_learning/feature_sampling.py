"""Feature sampling of MetricDepth: maps rolled within images and across the batch.

A cell of the unrolled map is an anchor. The cell of the rolled map at the same place is its
partner. Together they form a pair.

Notation: B images, h x w cells, C channels, N shifts. Maps are (B, h, w) or (B, h, w, C).
"""
from itertools import product
from typing import Iterator, List, Tuple

import torch
import torch.nn.functional as F

# Numbers of images, rows and columns by which a map is rolled, as in torch.roll.
Shift = Tuple[int, int, int]
Block = Tuple[slice, slice, slice]


def _draw(size: int) -> int:
    """Draw a shift from [1, size - 1] (MetricDepth, equations 1 and 2); 0 if it is empty."""
    return int(torch.randint(1, size, (), device='cpu')) if size > 1 else 0


def draw_shifts(batch_size: int, height: int, width: int, num_within: int,
                num_across: int) -> List[Shift]:
    """Draw random shifts; each gives every cell one partner (MetricDepth, section III-A).

    Shifts within images roll rows and columns. Shifts across the batch roll images; no
    shift repeats before all others are drawn. A shift by (0, 0, 0) is left out, so a batch
    of one image has no shifts across the batch, and a map of one cell has none within.

    The numbers come from torch's CPU generator, so the host does not wait for a device.

    Args:
        batch_size: B.
        height: h.
        width: w.
        num_within: number of shifts within images.
        num_across: number of shifts across the batch.

    Returns:
        At most ``num_within + num_across`` shifts.

    Example:
        >>> shifts = draw_shifts(2, 3, 4, num_within=2, num_across=1)
        >>> len(shifts), shifts[-1]
        (3, (1, 0, 0))
    """
    within = [(0, _draw(height), _draw(width)) for _ in range(num_within)]
    others = (1 + torch.randperm(max(batch_size - 1, 0), device='cpu')).tolist() or [0]
    across = [(others[k % len(others)], 0, 0) for k in range(num_across)]
    return [shift for shift in within + across if any(shift)]


def _segments(size: int, shift: int) -> List[Tuple[slice, slice]]:
    """Return the contiguous (anchors, partners) slices of an axis rolled by ``shift``."""
    if shift == 0:
        return [(slice(None), slice(None))]
    return [(slice(shift, None), slice(0, size - shift)),
            (slice(0, shift), slice(size - shift, None))]


def _blocks(maps: torch.Tensor, shift: Shift) -> Iterator[Tuple[Block, Block]]:
    """Yield blocks of anchors and of their partners; this avoids copies of the rolled map."""
    for segments in product(*map(_segments, maps.shape, shift)):
        yield tuple(zip(*segments))


def subtract_partners(maps: torch.Tensor, shift: Shift, out: torch.Tensor) -> None:
    """Write ``maps - torch.roll(maps, shift)`` to ``out`` (MetricDepth, equations 3 and 4)."""
    for anchors, partners in _blocks(maps, shift):
        torch.sub(maps[anchors], maps[partners], out=out[anchors])


def subtract_at_partners(maps: torch.Tensor, shift: Shift, values: torch.Tensor) -> None:
    """Subtract each anchor's value from ``maps`` in place, at the cell of its partner."""
    for anchors, partners in _blocks(maps, shift):
        maps[partners].sub_(values[anchors])


def depth_at_cells(depth: torch.Tensor, valid: torch.Tensor,
                   size: Tuple[int, int]) -> torch.Tensor:
    """Return the depth of the pixel at the centre of each cell, without interpolation.

    Args:
        depth: (B, H, W) metres.
        valid: (B, H, W) bool.
        size: (h, w) of the feature map.

    Returns:
        (B, h, w) metres, NaN where depth is not valid, not finite or not positive.

    Example:
        >>> depth = torch.tensor([[[1., 2., 0.]]])
        >>> depth_at_cells(depth, torch.ones_like(depth, dtype=torch.bool), (1, 3))
        tensor([[[1., 2., nan]]])
    """
    known = valid & depth.isfinite() & (depth > 0)
    return F.interpolate(torch.where(known, depth, torch.nan)[:, None], size,
                         mode='nearest-exact')[:, 0]


def depth_differentials(depth: torch.Tensor, shifts: List[Shift]) -> torch.Tensor:
    """Return ``|D_a - D_s|`` of the pairs of N shifts (MetricDepth, equation 7).

    Args:
        depth: (B, h, w) metres, NaN where unknown.
        shifts: N shifts.

    Returns:
        (N, B, h, w) metres, NaN where either depth is unknown.
    """
    differentials = depth.new_empty(len(shifts), *depth.shape)
    for out, shift in zip(differentials, shifts):
        subtract_partners(depth, shift, out)
    return differentials.abs_()
