"""Instance masks of the neighbour frames, warped into the target frame.

Dong et al. 2024 segment the warped images in every step. Here the masks are computed once per
frame, stored with the images, and warped by the sampling grids of the images. This costs no
network in training.
"""
from typing import Dict, List, Sequence, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet3d.registry import MODELS

from ..errors import InputError

UNMATCHED = -1  # id that no map contains
OUTSIDE = 2.  # normalised coordinate that lies outside of every image


@MODELS.register_module()
class InstanceMatcher(nn.Module):
    """Pairs of warped masks of the same object, seen from an earlier and from a later frame.

    The instance maps of a clip hold the ids 1..n of each frame and 0 for the background, as
    :class:`~mmdet3d_plugin.datasets.transforms.RelabelInstances` writes them. Larger values are
    ignored. The number of pairs per sample is the number of columns of the classes, so it is
    known without waiting for the device. A pair without a partner in the target frame or in
    one of the neighbours has two empty masks, which have no effect in the loss.

    The released code of Dong et al. 2024 assigns instances with the Hungarian algorithm and
    accepts every assignment. With ``match='iou'``, a pair here has equal classes, is the best
    for both partners, and overlaps by at least ``floor``.

    Args:
        match: ``'id'`` if an object has the same id in all frames of a clip, as in rendered
            clips and tracked masks. ``'iou'`` if the ids of different frames are unrelated: a
            warped mask then belongs to the target's instance of its class with the largest IoU.
        floor: smallest IoU of two partners, in (0, 1]. The default is ours. Only for ``'iou'``.

    Raises:
        InputError: ``match`` or ``floor`` is none of these values.

    Example:
        >>> maps = torch.zeros(1, 3, 1, 4, dtype=torch.long)  # target, earlier, later
        >>> maps[0, :, 0, 1] = 1  # an object in the second column
        >>> classes = [torch.full((3, 1), 26)]
        >>> u = torch.arange(4) + .5
        >>> grid = torch.stack([2 * u / 4 - 1, torch.zeros(4)], -1).view(1, 1, 4, 2)
        >>> right = grid + torch.tensor([2 * 1 / 4, 0.])  # samples one pixel to the right
        >>> (earlier, later), = InstanceMatcher()(maps, classes, {-1: grid, 1: right})
        >>> earlier.tolist(), later.tolist()
        ([[[False, True, False, False]]], [[[True, False, False, False]]])
    """

    def __init__(self, match: str = 'id', floor: float = .3) -> None:
        super().__init__()
        if match not in ('id', 'iou'):
            raise InputError(f"InstanceMatcher: match={match!r} is unknown; choose 'id' or 'iou'")
        if not 0 < floor <= 1:
            raise InputError(f'InstanceMatcher: floor={floor} is not in (0, 1]; choose such an '
                             'IoU')
        self.match, self.floor = match, floor

    @torch.no_grad()
    def forward(self, instance_maps: torch.Tensor, id_classes: Sequence[torch.Tensor],
                grids: Dict[int, torch.Tensor]) -> List[Tuple[torch.Tensor, torch.Tensor]]:
        """Return the pairs of masks of each sample.

        Args:
            instance_maps: (B, 3, H, W) integers; target, earlier and later frame.
            id_classes: per sample (3, n), class of each id of each frame; 0 where the
                frame has fewer ids.
            grids: offset of each neighbour -> (B, H, W, 2) sampling grid from the target frame,
                normalised, ``align_corners=False``; first the earlier frame.

        Returns:
            List of B pairs ``(earlier, later)`` of (n, H, W) bool in the target frame. Row k is
            the instance with id k + 1 in the target frame.

        Raises:
            InputError: the number of frames or the size of the maps does not fit the grids.
        """
        _check_shapes(instance_maps, id_classes, grids)
        warped = [warp_instance_map(instance_maps[:, frame], grid)
                  for frame, grid in enumerate(grids.values(), start=1)]
        pairs = []
        for sample, classes in enumerate(id_classes):
            target = instance_maps[sample, 0]
            first, second = (
                self._masks_of_partners(target, neighbour[sample], classes[0], classes[frame])
                for frame, neighbour in enumerate(warped, start=1))
            complete = _not_empty(first) & _not_empty(second)
            pairs.append((first & complete, second & complete))
        return pairs

    def _masks_of_partners(self, target: torch.Tensor, warped: torch.Tensor,
                           target_classes: torch.Tensor, warped_classes: torch.Tensor
                           ) -> torch.Tensor:
        """Return (n, H, W) bool: the warped mask of the partner of each target instance."""
        own = masks_of_ids(target, len(target_classes))
        masks = masks_of_ids(warped, len(target_classes))
        if self.match == 'id' or not len(masks):
            return masks & _not_empty(own)
        partners = _mutual_best(own, masks, target_classes[:, None] == warped_classes,
                                self.floor)
        return warped == partners[:, None, None]

    def extra_repr(self) -> str:
        """Return the settings for ``print(model)``."""
        return f'match={self.match!r}, floor={self.floor}'


def warp_instance_map(instance_map: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """Warp an instance map by nearest neighbour.

    Args:
        instance_map: (B, H, W) integers below 2^24.
        grid: (B, H', W', 2) sampling grid, normalised, ``align_corners=False``.

    Returns:
        (B, H', W') int64, 0 where the grid lies outside of the map or is not a number.

    Example:
        >>> grid = torch.tensor([[[[.5, 0.], [1.5, 0.]]]])  # second pixel, outside
        >>> warp_instance_map(torch.tensor([[[3, 300]]]), grid).tolist()
        [[[300, 0]]]
    """
    grid = grid.detach().float().nan_to_num(OUTSIDE).clamp(-OUTSIDE, OUTSIDE)
    warped = F.grid_sample(instance_map[:, None].float(), grid, mode='nearest',
                           padding_mode='zeros', align_corners=False)
    return warped[:, 0].long()


def masks_of_ids(instance_map: torch.Tensor, count: int) -> torch.Tensor:
    """Return the masks of the ids 1..count of an instance map.

    Args:
        instance_map: (H, W) integers.
        count: number of ids.

    Returns:
        (count, H, W) bool.

    Example:
        >>> masks_of_ids(torch.tensor([[0, 2, 1]]), 2).tolist()
        [[[False, False, True]], [[False, True, False]]]
    """
    ids = torch.arange(1, count + 1, device=instance_map.device)
    return instance_map == ids[:, None, None]


def _mutual_best(own: torch.Tensor, others: torch.Tensor, allowed: torch.Tensor,
                 floor: float) -> torch.Tensor:
    """Return (n,): id of each mask's partner in ``others``, which is its row + 1, or UNMATCHED."""
    own, others = own.flatten(1).float(), others.flatten(1).float()
    # Half precision does not count pixels exactly.
    with torch.autocast(own.device.type, enabled=False):
        shared = own @ others.T
    union = own.sum(1)[:, None] + others.sum(1) - shared
    iou = shared / union.clamp(min=1) * allowed
    overlap, best = iou.max(1)
    mutual = iou.argmax(0)[best] == torch.arange(len(own), device=own.device)
    return torch.where(mutual & (overlap >= floor), best + 1, UNMATCHED)


def _not_empty(masks: torch.Tensor) -> torch.Tensor:
    """Return (n, 1, 1) bool: whether each mask has a pixel."""
    return masks.flatten(1).any(1)[:, None, None]


def _check_shapes(instance_maps: torch.Tensor, id_classes: Sequence[torch.Tensor],
                  grids: Dict[int, torch.Tensor]) -> None:
    """Check that maps, classes and grids are of the same clips."""
    frames = instance_maps.shape[1]
    if len(grids) != 2 or frames != 3:
        raise InputError(f'InstanceMatcher: {frames} instance maps per clip and {len(grids)} '
                         'sampling grids, expected 3 and 2; use two offsets, such as (-1, 1)')
    for offset, grid in grids.items():
        if grid.shape[1:3] != instance_maps.shape[2:]:
            raise InputError(
                f'InstanceMatcher: the grid of offset {offset} has {tuple(grid.shape[1:3])} rows '
                f'and columns, the instance maps {tuple(instance_maps.shape[2:])}; warp the maps '
                'with the images')
    if len(id_classes) != len(instance_maps) or any(
            classes.shape[:1] != (frames, ) for classes in id_classes):
        raise InputError('InstanceMatcher: the classes are not one array (3, n) per sample; add '
                         'RelabelInstances to the pipeline')
