"""The per-object entries of a result dict, kept or dropped together."""
import numpy as np

OBJECT_KEYS = ('gt_bboxes_3d', 'gt_labels_3d', 'gt_bboxes', 'gt_bboxes_labels', 'centers_2d',
               'depths', 'truncations', 'occlusions', 'alphas')


def keep_objects(results: dict, keep: np.ndarray) -> None:
    """Drops, in place, every object for which ``keep`` (N,) bool is False."""
    for key in OBJECT_KEYS:
        if key in results:
            results[key] = results[key][keep]
