"""Temporal hint: warped images with moving objects put where they are in the target frame.

Legend: B clips, N instances of the whole batch, H x W input pixels. The "earlier" and the
"later" image are the neighbour frames warped into the target frame; the masks are those of an
instance in these warped images.
"""
from typing import List, NamedTuple, Sequence, Tuple

import torch

from ..errors import InputError

OVERLAPS = ('sum', 'mean', 'first')
_CHUNK = 32  # instances per step of the paste; bounds the memory


class InstancePairs(NamedTuple):
    """Masks of the instances of a batch in both warped images.

    Attributes:
        earlier: (N, H, W) bool, masks in the warped earlier image.
        later: (N, H, W) bool, masks in the warped later image.
        sample: (N,) long, index of the clip.
        counts: number of instances per clip.
    """
    earlier: torch.Tensor
    later: torch.Tensor
    sample: torch.Tensor
    counts: List[int]


def join_instances(pairs: Sequence[Tuple[torch.Tensor, torch.Tensor]],
                   images: torch.Tensor) -> InstancePairs:
    """Concatenate the instances of all clips.

    Args:
        pairs: per clip two (n, H, W) bool tensors, masks in the earlier and the later image.
        images: (B, 3, H, W) warped images.

    Raises:
        InputError: the number of clips or the size of masks differs from that of the images.

    Example:
        >>> masks = torch.ones(2, 4, 6, dtype=torch.bool)
        >>> join_instances([(masks[:0], masks[:0]), (masks, masks)],
        ...                torch.rand(2, 3, 4, 6)).sample
        tensor([1, 1])
    """
    size = images.shape[-2:]
    if len(pairs) != len(images):
        raise InputError(f'instances: masks of {len(pairs)} clips for {len(images)} clips; give '
                         'one pair of masks per clip')
    for index, (earlier, later) in enumerate(pairs):
        if earlier.shape != later.shape or earlier.shape[1:] != size or earlier.dim() != 3 or (
                earlier.dtype != torch.bool or later.dtype != torch.bool):
            raise InputError(
                f'instances: clip {index} has masks {tuple(earlier.shape)} {earlier.dtype} and '
                f'{tuple(later.shape)} {later.dtype}; both must be (n, {size[0]}, {size[1]}) '
                'torch.bool')
    counts = [len(earlier) for earlier, _ in pairs]
    sample = torch.cat([torch.full((count, ), index, device=images.device)
                        for index, count in enumerate(counts)])
    return InstancePairs(torch.cat([earlier for earlier, _ in pairs]),
                         torch.cat([later for _, later in pairs]), sample, counts)


def visible(instances: InstancePairs) -> torch.Tensor:
    """Return (N,) bool: whether an instance has pixels in both warped images."""
    return instances.earlier.flatten(1).any(1) & instances.later.flatten(1).any(1)


def box_edges(masks: torch.Tensor) -> torch.Tensor:
    """Return the first and the last column and row of masks.

    Args:
        masks: (N, H, W) bool.

    Returns:
        (N, 2, 2) long: [[left, right], [top, bottom]]. Values of an empty mask are meaningless.

    Example:
        >>> masks = torch.zeros(1, 5, 5, dtype=torch.bool)
        >>> masks[0, 3, 1:4] = True
        >>> box_edges(masks).tolist()
        [[[1, 3], [3, 3]]]
    """
    edges = []
    for occupied in (masks.any(1), masks.any(2)):
        index = torch.arange(occupied.shape[1], device=masks.device)
        first = torch.where(occupied, index, occupied.shape[1]).amin(1)
        last = torch.where(occupied, index, -1).amax(1)
        edges.append(torch.stack([first, last], 1))
    return torch.stack(edges, 1)


def box_displacements(earlier: torch.Tensor, later: torch.Tensor) -> torch.Tensor:
    """Return the displacement of instances between the two warped images.

    It is the displacement of the box edge that moves most, per axis. At the image border the
    edge that is cut stays where it is, and the free edge moves. If both edges move equally far
    in opposite directions, the right or the bottom edge counts.

    Args:
        earlier, later: (N, H, W) bool.

    Returns:
        (N, 2) long, pixels along u and v; 0 for instances without a mask in either image.

    Example:
        >>> masks = torch.zeros(2, 1, 1, 9, dtype=torch.bool)  # cut at the left border
        >>> masks[0, ..., :2] = masks[1, ..., :5] = True
        >>> box_displacements(*masks).tolist()
        [[3, 0]]
    """
    moved = box_edges(later) - box_edges(earlier)
    first, last = moved.unbind(-1)
    largest = torch.where(last.abs() >= first.abs(), last, first)
    known = earlier.flatten(1).any(1) & later.flatten(1).any(1)
    return torch.where(known[:, None], largest, 0)


def shifts_to_target(displacement: torch.Tensor, min_shift: int = 0) -> torch.Tensor:
    """Return the shifts from the warped earlier image to the target frame.

    An object in linear motion is midway in the target frame: the shift is half of the
    displacement, rounded to the nearest integer, and to the even one if two are equally near.
    The shift from the later image has the opposite sign.

    Args:
        displacement: (N, 2) pixels between the two warped images.
        min_shift: components smaller than this become 0, pixels. The released code of Dong et
            al. 2024 has a switch for 3 that is off.

    Returns:
        (N, 2) long, pixels.

    Example:
        >>> shifts_to_target(torch.tensor([[8, -3], [1, 5]])).tolist()
        [[4, -2], [0, 2]]
    """
    shifts = torch.round(displacement / 2).long()
    return torch.where(shifts.abs() < min_shift, 0, shifts)


def shift_masks(masks: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Shift masks; pixels from outside of the image are empty.

    Args:
        masks: (N, H, W) bool.
        shifts: (N, 2) long, pixels (u, v).

    Returns:
        (N, H, W) bool.

    Example:
        >>> shift_masks(torch.tensor([[[True, False, True]]]), torch.tensor([[1, 0]]))
        tensor([[[False,  True, False]]])
    """
    rows, columns = _source_indices(masks.shape[1:], shifts)
    inside = ((rows >= 0) & (rows < masks.shape[1]))[:, :, None] & (
        (columns >= 0) & (columns < masks.shape[2]))[:, None, :]
    return _shift(masks[:, None], rows, columns)[:, 0] & inside


def moved_images(earlier: torch.Tensor, later: torch.Tensor, instances: InstancePairs,
                 shifts: torch.Tensor, weights: torch.Tensor, paste_clip: bool = True,
                 overlap: str = 'sum') -> Tuple[torch.Tensor, torch.Tensor]:
    """Move instances of both warped images to where they are in the target frame.

    For the earlier image (Dong et al. 2024): pixels that an instance covers in the earlier
    image only are taken from the later image; then each instance is pasted at its shifted
    position. The later image swaps roles and shifts in the opposite direction. Pixels outside
    of all instances stay as they are. Masks, shifts and weights get no gradient: a pixel p of a
    pasted instance passes its gradient to pixel p - shift of the warped image.

    Args:
        earlier, later: (B, 3, H, W) warped images.
        instances: masks in the warped images.
        shifts: (N, 2) long, from the earlier image to the target frame, pixels (u, v).
        weights: (N,) in [0, 1]; 1 moves an instance, 0 leaves the images as they are, and a
            value between blends both. An instance without a mask in either image has weight 0.
        paste_clip: keep a pasted pixel only if an instance of the clip covers it in either
            warped image, as the released code does. This cuts objects that move farther than
            their own size. False keeps every pasted pixel.
        overlap: colour of pixels where several instances are pasted: the ``'sum'`` of their
            colours, as in the released code, their ``'mean'``, or that of the ``'first'``.

    Returns:
        The images (B, 3, H, W) of the earlier and of the later frame.

    Example:
        >>> masks = torch.zeros(2, 1, 1, 6, dtype=torch.bool)
        >>> masks[0, ..., 0:2] = masks[1, ..., 2:4] = True
        >>> pairs = join_instances([tuple(masks)], torch.zeros(1, 3, 1, 6))
        >>> earlier = torch.tensor([.9, .8, .1, .1, .1, .1]).expand(1, 3, 1, 6)
        >>> later = torch.tensor([.2, .2, .9, .8, .1, .1]).expand(1, 3, 1, 6)
        >>> first, second = moved_images(earlier, later, pairs, torch.tensor([[1, 0]]),
        ...                              torch.ones(1))
        >>> first[0, 0, 0], torch.equal(first, second)
        (tensor([0.2000, 0.9000, 0.8000, 0.1000, 0.1000, 0.1000]), True)
    """
    weights = weights.detach().to(earlier.dtype) * visible(instances)
    swapped = instances._replace(earlier=instances.later, later=instances.earlier)
    return (_moved_image(earlier, later, instances, shifts, weights, paste_clip, overlap),
            _moved_image(later, earlier, swapped, -shifts, weights, paste_clip, overlap))


def _moved_image(image: torch.Tensor, other: torch.Tensor, instances: InstancePairs,
                 shifts: torch.Tensor, weights: torch.Tensor, paste_clip: bool, overlap: str
                 ) -> torch.Tensor:
    """Move the instances of one image; ``instances.earlier`` are its own masks."""
    own, sample = instances.earlier, instances.sample
    rows, columns = _source_indices(own.shape[1:], shifts)
    shifted = shift_masks(own, shifts)
    share = weights[:, None, None]
    if paste_clip:
        inside = _largest(share * (own | instances.later), sample, len(image)) > 0
        shifted &= inside[sample]
    if overlap == 'first':
        order = torch.arange(len(own), 0, -1, device=own.device)[:, None, None]
        order = order * (shifted & (share > 0))
        shifted &= order == _largest(order, sample, len(image))[sample]
    alpha = share * shifted
    covered = _largest(alpha, sample, len(image))
    if overlap == 'mean':
        total = covered.new_zeros(covered.shape).index_add(0, sample, alpha)
        alpha = alpha * (covered / torch.where(total > 0, total, 1))[sample]
    vacated = _largest(share * (own & ~instances.later), sample, len(image))
    vacated = (vacated - covered).clamp(min=0)[:, None]
    kept = 1 - covered[:, None] - vacated
    return kept * image + vacated * other + _paste(image, sample, alpha, rows, columns)


def _paste(image: torch.Tensor, sample: torch.Tensor, alpha: torch.Tensor, rows: torch.Tensor,
           columns: torch.Tensor) -> torch.Tensor:
    """Return (B, 3, H, W): the sum over instances of the shifted image times ``alpha``."""
    pasted = torch.zeros_like(image)
    for start in range(0, len(sample), _CHUNK):
        part = slice(start, start + _CHUNK)
        moved = _shift(image[sample[part]], rows[part], columns[part])
        pasted = pasted.index_add(0, sample[part], moved * alpha[part][:, None])
    return pasted


def _source_indices(size: Tuple[int, int], shifts: torch.Tensor
                    ) -> Tuple[torch.Tensor, torch.Tensor]:
    """Return the rows (N, H) and columns (N, W) that shifted images are read from."""
    rows = torch.arange(size[0], device=shifts.device) - shifts[:, 1:]
    columns = torch.arange(size[1], device=shifts.device) - shifts[:, :1]
    return rows, columns


def _shift(images: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Read (N, C, H, W) images at rows (N, H) and columns (N, W), clamped to the image."""
    height, width = images.shape[-2:]
    rows = rows.clamp(0, height - 1)[:, None, :, None].expand_as(images)
    columns = columns.clamp(0, width - 1)[:, None, None, :].expand_as(images)
    return images.gather(2, rows).gather(3, columns)


def _largest(values: torch.Tensor, sample: torch.Tensor, batch_size: int) -> torch.Tensor:
    """Return (B, H, W): the largest value over the instances of each clip, 0 without any."""
    largest = values.new_zeros((batch_size, *values.shape[1:]))
    return largest.scatter_reduce(0, sample[:, None, None].expand_as(values), values, 'amax')
