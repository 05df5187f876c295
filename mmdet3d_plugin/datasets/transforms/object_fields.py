"""Per-object entries of a pipeline's results, handled together."""
import numpy as np
from mmdet3d.structures import BaseInstance3DBoxes

OBJECT_KEYS = ('gt_bboxes_3d', 'gt_labels_3d', 'gt_bboxes', 'gt_bboxes_labels', 'attr_labels',
               'centers_2d', 'depths', 'truncations', 'occlusions', 'alphas')


def keep_objects(results: dict, keep: np.ndarray) -> None:
    """Remove, in place, every object for which ``keep`` is False.

    Args:
        results: results of a pipeline with N objects.
        keep: (N,) bool.

    Example:
        >>> results = dict(depths=np.array([5., 9.]), gt_labels_3d=np.array([1, 0]))
        >>> keep_objects(results, np.array([False, True]))
        >>> results['depths'].tolist(), results['gt_labels_3d'].tolist()
        ([9.0], [0])
    """
    for key in OBJECT_KEYS:
        if key in results:
            results[key] = results[key][keep]


def append_objects(results: dict, others: dict) -> None:
    """Add, in place, the objects of another sample.

    Args:
        results: results of a pipeline.
        others: results of another sample with the same entries.

    Example:
        >>> results = dict(depths=np.array([5.]))
        >>> append_objects(results, dict(depths=np.array([9.])))
        >>> results['depths'].tolist()
        [5.0, 9.0]
    """
    for key in OBJECT_KEYS:
        if key in results:
            own, added = _as_list(results[key]), _as_list(others[key])
            is_boxes = isinstance(own, BaseInstance3DBoxes)
            results[key] = type(own).cat([own, added]) if is_boxes \
                else np.concatenate([own, added])


def _as_list(values):
    """Return an empty array for a scalar: mmdet3d's datasets write one without objects."""
    return values[None][:0] if isinstance(values, np.ndarray) and values.ndim == 0 else values
