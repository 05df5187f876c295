"""Plane-sweep cost volume of two frames, and its adaptive depth bins (Watson et al. 2021).

All depths and lengths have one unit: metres, or the ``length_unit`` of a model.
"""
from typing import NamedTuple, Optional, Tuple

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from ..errors import InputError
from .view_synthesis import full_precision, pixel_centres, sampling_grid, warp

# Depth bins that are warped at once. More need more memory and fewer kernels.
BINS_PER_CHUNK = 8


class DepthBins(nn.Module):
    """Depths of a cost volume, linear between limits that follow the teacher's depth.

    The limits are buffers, so checkpoints hold them.

    Args:
        num_bins: number of depths, at least 2.
        start: first limits (nearest, farthest).
        momentum: share of the old limits that an update keeps.
        spread: factors of the nearest and the farthest depth, so that the bins reach beyond both.
        floor: smallest target of the nearest limit.

    Attributes:
        min_depth: scalar, depth of the first bin.
        max_depth: scalar, depth of the last bin.

    Raises:
        InputError: fewer than two bins, or limits that are not positive and increasing.

    Example:
        >>> bins = DepthBins(num_bins=3, start=(2., 10.), momentum=0.5)
        >>> bins.depths()
        tensor([ 2.,  6., 10.])
        >>> bins.update(torch.tensor([[[[10., 20.]]]]))
        >>> bins.depths()
        tensor([ 5.5000, 10.7500, 16.0000])
    """

    def __init__(self, num_bins: int = 96, start: Tuple[float, float] = (0.1, 10.),
                 momentum: float = 0.99, spread: Tuple[float, float] = (0.9, 1.1),
                 floor: float = 0.1) -> None:
        super().__init__()
        if num_bins < 2:
            raise InputError(f'num_bins: {num_bins} depth bins; use at least 2')
        if not 0 < start[0] < start[1]:
            raise InputError(f'start: limits {tuple(start)}; use 0 < nearest < farthest')
        self.num_bins = num_bins
        self.momentum = momentum
        self.spread = spread
        self.floor = floor
        self.register_buffer('min_depth', torch.tensor(float(start[0])))
        self.register_buffer('max_depth', torch.tensor(float(start[1])))

    def depths(self) -> Tensor:
        """Return the depths (num_bins,) of the bins in increasing order."""
        steps = torch.linspace(0, 1, self.num_bins, dtype=self.min_depth.dtype,
                               device=self.min_depth.device)
        return torch.lerp(self.min_depth, self.max_depth, steps)

    @torch.no_grad()
    def update(self, depth: Tensor) -> None:
        """Move the limits towards the extreme depths of a mini-batch. Every rank must call it.

        Args:
            depth: (B, 1, H, W) depth of the teacher.
        """
        depth, = full_precision(depth.detach())
        limits = torch.stack([depth.flatten(1).amin(1).mean(), depth.flatten(1).amax(1).mean()])
        all_reduce(limits, op='mean')
        nearest = (self.spread[0] * limits[0]).clamp(min=self.floor)
        farthest = self.spread[1] * limits[1]
        self.min_depth.mul_(self.momentum).add_((1 - self.momentum) * nearest)
        self.max_depth.mul_(self.momentum).add_((1 - self.momentum) * farthest)


class CostVolume(NamedTuple):
    """Matching costs of a frame, without a gradient.

    Attributes:
        costs: (B, D, h, w) mean absolute feature difference per bin, 0 where the confidence is 0.
        confidence: (B, h, w), 1 where all bins of a pixel are observed, else 0.
        depth: (B, h, w) depth of the observed bin with the lowest cost. Where no bin is
            observed it is the first bin's.
    """
    costs: Tensor
    confidence: Tensor
    depth: Tensor


def cost_volume(target: Tensor, source: Tensor, depths: Tensor, cam2img: Tensor, motion: Tensor,
                border: float = 2, valid: Optional[Tensor] = None) -> CostVolume:
    """Compare target features with source features warped through planes of constant depth.

    A bin of a pixel is missing if the pixel's centre or its projection to the source lies outside
    of the feature map, or closer than ``border`` to the map's edge, or behind the camera. A pixel
    with any missing bin has confidence 0 and costs 0. Its best bin is the best observed one.

    Args:
        target: (B, C, h, w) features of the target frame.
        source: (B, C, h, w) features of a neighbouring frame.
        depths: (D,) depths of the bins.
        cam2img: (B, 4, 4) projection to feature pixels.
        motion: (B, 4, 4) from the target camera frame to the neighbour's.
        border: width of the edge of the feature map that does not count, feature pixels.
        valid: (B,) bool, False for a sample without motion. All of its bins are missing.

    Returns:
        The costs, the confidence and the depth of the best bin.

    Example:
        >>> camera = torch.tensor([[[4., 0., 4., 0.], [0., 4., 4., 0.],
        ...                         [0., 0., 1., 0.], [0., 0., 0., 1.]]])
        >>> motion = torch.eye(4)[None].clone()
        >>> motion[0, 0, 3] = 1.
        >>> target = torch.rand(1, 16, 8, 8, generator=torch.manual_seed(0))
        >>> source = target.roll(1, dims=3)  # a plane at 4 m: the shift is 4 * 1 / 4 = 1 pixel
        >>> volume = cost_volume(target, source, torch.tensor([2., 4.]), camera, motion)
        >>> volume.depth[0, 3, 2:5], volume.confidence[0, 3]
        (tensor([4., 4., 4.]), tensor([0., 0., 1., 1., 0., 0., 0., 0.]))
    """
    with torch.no_grad():
        target, source, depths, cam2img, motion = full_precision(
            target, source, depths, cam2img, motion)
        chunks = [_plane_costs(target, source, chunk, cam2img, motion, border)
                  for chunk in depths.split(BINS_PER_CHUNK)]
        costs, observed = (torch.cat(parts, dim=1) for parts in zip(*chunks))
        if valid is not None:
            observed = observed & valid[:, None, None, None]
        confident = observed.all(dim=1)
        best = costs.masked_fill(~observed, torch.inf).argmin(dim=1)
        costs = costs.masked_fill(~confident[:, None], 0)
        return CostVolume(costs, confident.to(costs.dtype), depths[best])


def _plane_costs(target: Tensor, source: Tensor, depths: Tensor, cam2img: Tensor, motion: Tensor,
                 border: float) -> Tuple[Tensor, Tensor]:
    """Return the costs (B, D, h, w) of planes and whether each is observed."""
    batch, channels, height, width = target.shape
    count = len(depths)
    planes = depths.repeat(batch)[:, None, None, None].expand(-1, 1, height, width)
    grid = sampling_grid(planes, cam2img.repeat_interleave(count, dim=0),
                         motion.repeat_interleave(count, dim=0))
    warped = warp(source, grid.reshape(batch, count * height, width, 2), padding_mode='zeros')
    warped = warped.reshape(batch, channels, count, height, width)
    costs = (warped - target[:, :, None]).abs().mean(dim=1)
    u, v = ((grid.unflatten(0, (batch, count)) + 1) / 2).unbind(-1)
    centre_u, centre_v = pixel_centres((height, width), like=grid).unflatten(1, (height, width))
    observed = (_is_inside(u * width, width, border) & _is_inside(v * height, height, border)
                & _is_inside(centre_u, width, border) & _is_inside(centre_v, height, border))
    return costs, observed


def _is_inside(pixels: Tensor, size: int, border: float) -> Tensor:
    return (pixels >= border) & (pixels <= size - border)
