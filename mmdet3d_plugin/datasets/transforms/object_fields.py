"""The per-object entries of a result dict, handled together."""
import numpy as np

OBJECT_KEYS = ('gt_bboxes_3d', 'gt_labels_3d', 'gt_bboxes', 'gt_bboxes_labels', 'attr_labels',
               'centers_2d', 'depths', 'truncations', 'occlusions', 'alphas')


def keep_objects(results: dict, keep: np.ndarray) -> None:
    """Drops, in place, every object for which ``keep`` (N,) bool is False."""
    for key in OBJECT_KEYS:
        if key in results:
            results[key] = results[key][keep]


def append_objects(results: dict, others: dict) -> None:
    """Adds, in place, the objects and DontCare regions of another frame."""
    for key in (*OBJECT_KEYS, 'gt_bboxes_ignore'):
        if key in results:
            join = getattr(type(results[key]), 'cat', np.concatenate)
            results[key] = join([_as_list(results[key]), _as_list(others[key])])


def _as_list(values):
    """mmdet3d's datasets write a scalar where a frame has no objects."""
    return values[None][:0] if np.ndim(values) == 0 and isinstance(values, np.ndarray) else values
