"""Objects that a dataset gives to a training, from its annotations alone.

No image is decoded. Random crops and mixed frames are left out, so a training may see fewer or
more objects in a single epoch.
"""
from dataclasses import dataclass
from typing import Any, Iterator, List, Optional, Sequence, Tuple

import numpy as np
from torch.utils.data import Dataset

from ..geometry import apply_affine
from ..structures.training_objects import KEPT, OUTSIDE, REASONS, ObjectCounts
from .transforms.crop_scale import CropScaleAffine
from .transforms.filter_objects import FilterObjects
from .transforms.sample_images import camera_record

COLUMNS = ('gt_labels_3d', 'gt_bboxes', 'centers_2d', 'depths', 'truncations', 'occlusions')


@dataclass
class LabelledObjects:
    """The N labelled objects of the trained classes of a dataset, and its frames.

    Attributes:
        annotations: columns by name of ``ann_info``: (N, ...) arrays.
        frames: (N,) index of each object's frame.
        image_sizes: (F, 2) width and height of each frame's image, pixels; 0 where unknown.
        unknown: names of the objects of other classes.
    """
    annotations: dict
    frames: np.ndarray
    image_sizes: np.ndarray
    unknown: List[str]


def labelled_objects(dataset: Dataset) -> Optional[LabelledObjects]:
    """Return the labelled objects of a dataset in mmdet3d's format.

    Args:
        dataset: a dataset with ``get_data_info``, or a wrapper of mmengine around one.

    Returns:
        The objects; None if the frames have no annotations of objects.
    """
    infos = (dataset.get_data_info(index) for index in range(len(dataset)))
    parts: List[dict] = []
    counts, sizes, unknown = [], [], []
    for info in infos:
        annotations = info.get('ann_info')
        if not isinstance(annotations, dict) or any(key not in annotations for key in COLUMNS):
            return None
        parts.append(annotations)
        counts.append(len(annotations['gt_labels_3d']))
        camera = camera_record(info)
        sizes.append((camera.get('width') or 0, camera.get('height') or 0))
        unknown += [item['name'] for item in annotations.get('instances', ())
                    if item['bbox_label_3d'] < 0]
    if not parts:
        return None
    return LabelledObjects(
        {key: np.concatenate([part[key] for part in parts]) for key in COLUMNS},
        np.repeat(np.arange(len(parts)), counts), np.array(sizes, dtype=np.float64), unknown)


def drop_reasons(objects: LabelledObjects, transforms: Sequence[Any]) -> np.ndarray:
    """Return why the transforms of a training drop objects.

    Args:
        objects: N labelled objects.
        transforms: all transforms of the training, in order.

    Returns:
        (N,) indices into :data:`~mmdet3d_plugin.structures.training_objects.REASONS`, or -1 for
        an object that is learned.
    """
    reasons = np.full(len(objects.frames), KEPT)
    for transform in transforms:
        if isinstance(transform, FilterObjects):
            found = transform.drop_reasons(objects.annotations)
        elif isinstance(transform, CropScaleAffine):
            found = np.where(_inside(objects, transform), KEPT, REASONS.index(OUTSIDE))
        else:
            continue
        reasons = np.where(reasons == KEPT, found, reasons)
    return reasons


def _inside(objects: LabelledObjects, crop: CropScaleAffine) -> np.ndarray:
    """Return which objects have their centre in the input of the whole image: (N,) bool."""
    centers = objects.annotations['centers_2d']
    if crop.kept_center == 'box':
        centers = objects.annotations['gt_bboxes'].reshape(-1, 2, 2).mean(axis=1)
    inside = np.full(len(centers), True)
    sizes = objects.image_sizes[objects.frames]
    for width, height in np.unique(sizes, axis=0):
        if width:
            own = (sizes == (width, height)).all(axis=1)
            affine = crop.whole_image_affine(width, height)
            inside[own] = crop.inside(apply_affine(centers[own].astype(np.float64), affine))
    return inside


def learned_frames(dataset: Dataset, transforms: Sequence[Any]) -> np.ndarray:
    """Return the indices of the frames with at least one object that is learned.

    Args:
        dataset: a dataset with ``get_data_info``.
        transforms: all transforms of the training, in order.

    Returns:
        Indices, ascending; all frames of a dataset without annotations of objects.
    """
    objects = labelled_objects(dataset)
    if objects is None:
        return np.arange(len(dataset))
    return np.unique(objects.frames[drop_reasons(objects, transforms) == KEPT])


def parts_of(dataset: Dataset, outer: Sequence[Any] = ()) -> Iterator[Tuple[Dataset, List[Any]]]:
    """Yield each innermost dataset, and all transforms of its samples in order.

    Args:
        dataset: a dataset, or a wrapper of mmengine, mmdet or torch around some.
        outer: transforms that follow.
    """
    pipeline = getattr(dataset, 'pipeline', None)
    own = [*(getattr(pipeline, 'transforms', pipeline) or ()), *outer]
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    if inner[0] is None:
        yield dataset, own
    else:
        for wrapped in inner:
            yield from parts_of(wrapped, own)


def title_of(dataset: Dataset) -> str:
    """Return the split file, or the folder, of the first innermost dataset, for messages."""
    part, _ = next(parts_of(dataset))
    return str(getattr(part, 'ann_file', '') or getattr(part, 'data_root', '') or 'the data set')


def count_objects(dataset: Dataset) -> Optional[ObjectCounts]:
    """Count the objects that a training dataset gives, and those that it drops, per class.

    Args:
        dataset: a training dataset, or a wrapper around some.

    Returns:
        The numbers; None if no dataset has annotations of objects.
    """
    counts: Optional[ObjectCounts] = None
    for part, transforms in parts_of(dataset):
        objects = labelled_objects(part) if hasattr(part, 'get_data_info') else None
        if objects is None:
            continue
        classes = tuple(part.metainfo['classes'])
        counts = counts or ObjectCounts(classes)
        names = np.array(classes)[objects.annotations['gt_labels_3d']]
        counts.add(names, drop_reasons(objects, transforms))
        counts.add(np.array(objects.unknown, dtype=str), np.full(len(objects.unknown), KEPT))
        counts.frames += len(part)
    return counts


def hidden_shares(dataset: Dataset) -> List[Tuple[CropScaleAffine, Tuple[int, int], float]]:
    """Return the crops of a dataset that hide the most of an image.

    Args:
        dataset: a dataset, or a wrapper around some.

    Returns:
        For every CropScaleAffine: the crop, the (width, height) of the image that it hides most
        of, pixels, and the hidden share of that image, 0-1.
    """
    found = []
    for part, transforms in parts_of(dataset):
        crops = [transform for transform in transforms if isinstance(transform, CropScaleAffine)]
        if not crops or not hasattr(part, 'get_data_info'):
            continue
        sizes = {(camera.get('width'), camera.get('height'))
                 for index in range(len(part))
                 if (camera := _camera(part.get_data_info(index))) is not None}
        known: List[Tuple[int, int]] = sorted(
            (width, height) for width, height in sizes if width and height)
        for crop in crops[:1]:
            shares = [(crop.hidden_share(*size), size) for size in known]
            if shares:
                share, size = max(shares)
                found.append((crop, size, share))
    return found


def _camera(info: dict) -> Optional[dict]:
    return camera_record(info) if info.get('images') else None
