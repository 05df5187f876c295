"""Consecutive ids for the instance maps of a clip."""
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS

from ...benchmarks.clips.instance_maps import CLASS_FACTOR
from ...errors import InputError

LARGEST_VALUE = np.iinfo(np.uint16).max


class RelabelledInstances(NamedTuple):
    """Instance maps with consecutive ids.

    Attributes:
        maps: T maps (H, W) int32 with the ids 1..n of each frame; 0 for the background.
        classes: (T, n_max) int64, class number of id k at column k - 1; 0 where a frame has
            fewer ids or the value has no class.
        values: (T, n_max) int64, value of each id in the original map; 0 where a frame has
            fewer ids.
    """

    maps: List[np.ndarray]
    classes: np.ndarray
    values: np.ndarray


def relabel_instances(maps: Sequence[np.ndarray], match: str = 'id',
                      max_instances: Optional[int] = 32, min_pixels: int = 1,
                      classes: Optional[Sequence[int]] = None) -> RelabelledInstances:
    """Replace the values of instance maps by the ids 1..n.

    With ``match='id'``, a value is the same object in all frames. Values are kept that occur in
    every frame, and an object has one id in all frames. With ``match='iou'``, the values of
    different frames are unrelated: each frame has ids of its own, and values below 1000, which
    are regions without instances in Cityscapes' convention, become background. In both cases
    value // 1000 is the class, and ids ascend with the values.

    Args:
        maps: T maps (H, W) of integers in 0..65535, the target frame first; 0 for the
            background.
        match: ``'id'`` or ``'iou'``.
        max_instances: largest number of ids per frame; None for no limit. The instances with
            the most pixels are kept, with ``'id'`` those with the most pixels in the target
            frame.
        min_pixels: smallest number of pixels of an instance in each frame, in pixels of the
            maps.
        classes: class numbers to keep; None for all.

    Returns:
        The maps with new ids, the class of each id and its original value.

    Raises:
        InputError: ``match`` is unknown, or a map holds values outside of 0..65535.

    Example:
        >>> frames = [np.array([[0, 26001, 24000]]), np.array([[26007, 0, 0]])]
        >>> relabelled = relabel_instances(frames, match='iou')
        >>> [instances.tolist() for instances in relabelled.maps]
        [[[0, 2, 1]], [[1, 0, 0]]]
        >>> relabelled.classes.tolist()
        [[24, 26], [26, 0]]
        >>> relabel_instances(frames, match='id').values.shape  # no value is in both frames
        (2, 0)
    """
    if match not in ('id', 'iou'):
        raise InputError(f"RelabelInstances: match={match!r} is unknown; choose 'id' or 'iou'")
    counts = [_pixels_per_value(instances) for instances in maps]
    min_pixels = max(min_pixels, 1)
    if match == 'id':
        smallest = np.min(counts, axis=0)
        kept = _choose(np.where(smallest >= min_pixels, counts[0], 0), max_instances, classes)
        values = [kept] * len(maps)
    else:
        for frame_counts in counts:
            frame_counts[:CLASS_FACTOR] = 0
        values = [_choose(np.where(frame_counts >= min_pixels, frame_counts, 0), max_instances,
                          classes) for frame_counts in counts]
    table = np.zeros((len(maps), max(map(len, values))), np.int64)
    for row, kept in zip(table, values):
        row[:len(kept)] = kept
    return RelabelledInstances(
        [_ids_of_values(kept)[instances] for kept, instances in zip(values, maps)],
        table // CLASS_FACTOR, table)


def _pixels_per_value(instances: np.ndarray) -> np.ndarray:
    """Return (65536,): pixels of each value, 0 for the background."""
    values = instances.ravel()
    if values.size and not 0 <= values.min() <= values.max() <= LARGEST_VALUE:
        raise InputError(f'RelabelInstances: an instance map holds values from {values.min()} to '
                         f'{values.max()}, expected 0 to {LARGEST_VALUE}; store 16-bit maps')
    counts = np.bincount(values, minlength=LARGEST_VALUE + 1)
    counts[0] = 0
    return counts


def _choose(counts: np.ndarray, limit: Optional[int], classes: Optional[Sequence[int]]
            ) -> np.ndarray:
    """Return the values of the wanted classes with the most pixels, ascending."""
    values = np.flatnonzero(counts)
    if classes is not None:
        values = values[np.isin(values // CLASS_FACTOR, list(classes))]
    return np.sort(values[np.argsort(-counts[values], kind='stable')][:limit])


def _ids_of_values(values: np.ndarray) -> np.ndarray:
    """Return (65536,) int32: the new id of each value."""
    ids = np.zeros(LARGEST_VALUE + 1, np.int32)
    ids[values] = np.arange(1, len(values) + 1)
    return ids


@TRANSFORMS.register_module()
class RelabelInstances(BaseTransform):
    """Transform that gives the instances of a clip consecutive ids.

    Use it after all transforms that move the image, so that instances that were cropped away
    get no id. ``results['instance_maps']`` then holds T maps with the ids 1..n, and the results
    gain ``id_classes`` (T, n_max), the class number of id k at column k - 1, and ``id_values``
    (T, n_max), its value in the files.
    :class:`~mmdet3d_plugin.self_supervision.InstanceMatcher` reads maps and classes; give both
    the same ``match``.

    Args:
        match: ``'id'`` or ``'iou'``, see :func:`relabel_instances`.
        max_instances: largest number of ids per frame; None for no limit. The default is ours
            and bounds the memory of the masks.
        min_pixels: smallest number of pixels of an instance, input pixels.
        classes: class numbers to keep, such as (24, 25, 26); None for all.

    Raises:
        InputError: the sample has no instance maps, or they hold values outside of 0..65535.

    Example:
        >>> clip = [np.array([[7, 9]]), np.array([[9, 9]]), np.array([[0, 9]])]
        >>> results = RelabelInstances()(dict(instance_maps=clip))
        >>> [instances.tolist() for instances in results['instance_maps']]
        [[[0, 1]], [[1, 1]], [[0, 1]]]
        >>> results['id_values'].tolist(), results['id_classes'].tolist()
        ([[9], [9], [9]], [[0], [0], [0]])
    """

    def __init__(self, match: str = 'id', max_instances: Optional[int] = 32,
                 min_pixels: int = 1, classes: Optional[Sequence[int]] = None) -> None:
        if match not in ('id', 'iou'):
            raise InputError(f"RelabelInstances: match={match!r} is unknown; choose 'id' or "
                             "'iou'")
        self.options: Dict[str, Any] = dict(
            match=match, max_instances=max_instances, min_pixels=min_pixels, classes=classes)

    def transform(self, results: dict) -> dict:
        """Replace the maps and add the classes and the values of the ids."""
        if 'instance_maps' not in results:
            raise InputError('RelabelInstances: the sample has no instance maps; add '
                             'LoadClipInstances before it')
        relabelled = relabel_instances(results['instance_maps'], **self.options)
        results.update(instance_maps=relabelled.maps, id_classes=relabelled.classes,
                       id_values=relabelled.values, instance_match=self.options['match'])
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.options})'
