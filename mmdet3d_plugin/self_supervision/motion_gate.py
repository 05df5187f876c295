"""Test whether an instance moves, beyond what a wrong depth explains."""
from typing import Mapping

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS

from ..errors import InputError
from .multi_frame_loss import WarpFunction
from .temporal_hint import InstancePairs, box_edges, shift_masks

# Normalised coordinate beyond which sampling locations count as this far outside of the image.
_FARTHEST = 3.


@MODELS.register_module()
class MotionGate(nn.Module):
    """Weights of the temporal hint: 1 for moving instances, 0 for static ones.

    The released code of Dong et al. 2024 treats every movable instance as moving. The hint then
    lowers the loss of parked cars at every depth, also at a wrong one. The gate is ours.

    In the warped images an instance appears displaced if it moves, or if its depth is wrong. At
    the true depth s D, a static instance with current depth D is displaced by ``P(s D) - P(D)``.
    P is the mean over its pixels of the difference of the sampling locations in the later and
    in the earlier frame. The residual is the distance of the observed displacement from the
    line through the predicted displacements of ``num_factors`` factors s between
    ``1 / depth_slack`` and ``depth_slack``. An instance moves if its residual exceeds
    ``tolerance``. A motion that looks like a wrong depth within the slack counts as static, for
    example that of a car that drives in the direction of a sideways camera.

    The observed displacement is that of the box centre, or that of the free edges if one side
    of the box touches the image border.

    Args:
        mode: ``'hard'`` for weights 0 and 1; ``'soft'`` for
            ``sigmoid((residual - tolerance) / softness)``.
        tolerance: residual of a moving instance, pixels of the input.
        depth_slack: factor by which the current depth may be wrong, at least 1. With 1 the
            displacement is compared with 0, the one at the current depth.
        num_factors: number of factors s, logarithmically spaced, odd, at least 3. Each factor
            but 1 costs one call of ``warp_fn``. The line is straight for a moving camera, so
            few factors suffice.
        softness: width of the soft gate, pixels.

    Raises:
        InputError: an argument is out of range.

    Example:
        Two frames show an instance 6 pixels apart. At half of the current depth the sampling
        locations differ by 6 pixels more, so the instance may be static.

        >>> from mmdet3d_plugin.self_supervision.temporal_hint import join_instances
        >>> def warp_fn(depth):  # a camera that moves sideways
        ...     shift = torch.cat([6 / depth, 0 * depth], dim=1).permute(0, 2, 3, 1) / 10
        ...     return dict(grids={-1: -shift, 1: shift})
        >>> masks = torch.zeros(2, 1, 4, 20, dtype=torch.bool)
        >>> masks[0, :, 1:3, 4:7] = masks[1, :, 1:3, 10:13] = True
        >>> depth = torch.full((1, 1, 4, 20), 2.)
        >>> pairs = join_instances([tuple(masks)], depth)
        >>> for slack in (1., 2.):
        ...     gate = MotionGate(depth_slack=slack)
        ...     gate(pairs, torch.tensor([[3, 0]]), depth, warp_fn(depth)['grids'],
        ...          warp_fn).item()
        1.0
        0.0
    """

    def __init__(self, mode: str = 'hard', tolerance: float = 2., depth_slack: float = 1.8,
                 num_factors: int = 3, softness: float = 0.5) -> None:
        super().__init__()
        if mode not in ('hard', 'soft'):
            raise InputError(f"MotionGate: mode={mode!r} is unknown; choose 'hard' or 'soft'")
        if not (tolerance > 0 and depth_slack >= 1 and softness > 0):
            raise InputError(f'MotionGate: tolerance={tolerance} and softness={softness} must be '
                             f'positive, and depth_slack={depth_slack} at least 1')
        if num_factors < 3 or num_factors % 2 == 0:
            raise InputError(f'MotionGate: num_factors={num_factors} must be odd and at least 3')
        self.mode, self.tolerance, self.softness = mode, tolerance, softness
        self.depth_slack, self.num_factors = depth_slack, num_factors

    @torch.no_grad()
    def forward(self, instances: InstancePairs, shifts: torch.Tensor, depth: torch.Tensor,
                grids: Mapping[int, torch.Tensor], warp_fn: WarpFunction) -> torch.Tensor:
        """Return the weight of each instance.

        Args:
            instances: N instances of the batch.
            shifts: (N, 2) shifts from the earlier image to the target frame, pixels (u, v).
            depth: (B, 1, H, W) depth that the masks are warped with, metres.
            grids: (B, H, W, 2) normalised sampling grids at this depth by offset, first the
                earlier frame.
            warp_fn: function of a depth that returns its ``grids``.

        Returns:
            (N,) in [0, 1]; meaningless for instances without a mask in either image.
        """
        residual = self.residuals(instances, shifts, depth, grids, warp_fn)
        if self.mode == 'hard':
            return (residual > self.tolerance).to(residual.dtype)
        return torch.sigmoid((residual - self.tolerance) / self.softness)

    def residuals(self, instances: InstancePairs, shifts: torch.Tensor, depth: torch.Tensor,
                  grids: Mapping[int, torch.Tensor], warp_fn: WarpFunction) -> torch.Tensor:
        """Return the displacement (N,) that no depth within the slack explains, pixels."""
        observed = centre_displacements(instances)
        if self.depth_slack == 1:
            return observed.norm(dim=1)
        pixels = shift_masks(instances.earlier, shifts)
        current = _location_difference(grids, pixels, instances.sample)
        predicted = []
        for exponent in torch.linspace(-1, 1, self.num_factors).tolist():
            if exponent:
                scaled = warp_fn(depth * self.depth_slack ** exponent)['grids']
                predicted.append(_location_difference(scaled, pixels, instances.sample) - current)
            else:
                predicted.append(torch.zeros_like(current))
        return _distance_to_line(observed, torch.stack(predicted))

    def extra_repr(self) -> str:
        """Return the settings for ``print(model)``."""
        return (f'mode={self.mode!r}, tolerance={self.tolerance}, '
                f'depth_slack={self.depth_slack}, num_factors={self.num_factors}, '
                f'softness={self.softness}')


def centre_displacements(instances: InstancePairs) -> torch.Tensor:
    """Return the displacement of box centres between the two warped images.

    Along an axis where one side of the box touches the image border in either image, it is the
    displacement of the other side.

    Args:
        instances: N instances.

    Returns:
        (N, 2) pixels along u and v; meaningless for instances without a mask in either image.
    """
    earlier, later = box_edges(instances.earlier), box_edges(instances.later)
    centres = []
    for axis, size in enumerate(instances.earlier.shape[:0:-1]):
        edges = torch.stack([earlier[:, axis], later[:, axis]])
        cut_first = (edges[..., 0] == 0).any(0)
        cut_last = (edges[..., 1] == size - 1).any(0)
        first, last = (edges[1] - edges[0]).float().unbind(-1)
        free = torch.where(cut_first, last, first)
        centres.append(torch.where(cut_first ^ cut_last, free, (first + last) / 2))
    return torch.stack(centres, 1)


def _location_difference(grids: Mapping[int, torch.Tensor], pixels: torch.Tensor,
                         sample: torch.Tensor) -> torch.Tensor:
    """Return (N, 2): mean over masks of later minus earlier sampling location, pixels."""
    earlier, later = (grid.clamp(-_FARTHEST, _FARTHEST) for grid in grids.values())
    difference = (later - earlier)[sample] * pixels[..., None]
    count = pixels.flatten(1).sum(1).clamp(min=1)
    u, v = (difference.flatten(1, 2).sum(1) / count[:, None]).unbind(1)
    return torch.stack([u * pixels.shape[2] / 2, v * pixels.shape[1] / 2], 1)


def _distance_to_line(point: torch.Tensor, line: torch.Tensor) -> torch.Tensor:
    """Return the distance (N,) of points (N, 2) from polylines with vertices (K, N, 2)."""
    start, step = line[:-1], line[1:] - line[:-1]
    length = (step * step).sum(-1)
    along = ((point - start) * step).sum(-1) / length.where(length > 0, 1)
    nearest = start + along.clamp(0, 1)[..., None] * step
    return (point - nearest).norm(dim=-1).amin(0)
