"""Selection of the objects that are suited for training."""
from typing import Optional, Sequence, Tuple

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS

from ...structures.training_objects import KEPT, ObjectLimits
from .object_fields import keep_objects


@TRANSFORMS.register_module()
class FilterObjects(BaseTransform):
    """Removal of objects that are too small, occluded, truncated, near or far for training.

    Use it before the image is scaled, because heights are in pixels of the original image. All
    limits are inclusive.

    Args:
        min_height: smallest height of the 2D box plus one, pixels.
        max_truncation: largest share of the object outside the image, 0-1.
        max_occlusion: largest KITTI occlusion level, 0-3.
        depth_range: smallest and largest depth (camera z of the 3D centre), metres.
        labels: class indices of the objects that are kept; None keeps all classes.

    Example:
        >>> results = dict(gt_bboxes=np.array([[0., 0., 9., 39.], [0., 0., 9., 9.]]),
        ...                depths=np.array([20., 30.]), truncations=np.zeros(2),
        ...                occlusions=np.zeros(2))
        >>> transform = FilterObjects(min_height=25, max_truncation=.5, max_occlusion=2,
        ...                           depth_range=(2., 65.))
        >>> transform(results)['depths'].tolist()
        [20.0]
    """

    def __init__(self, min_height: float, max_truncation: float, max_occlusion: int,
                 depth_range: Tuple[float, float],
                 labels: Optional[Sequence[int]] = None) -> None:
        self.limits = ObjectLimits(min_height, max_truncation, max_occlusion, depth_range, labels)

    def drop_reasons(self, results: dict) -> np.ndarray:
        """Return why each of the N objects of a sample is removed.

        Args:
            results: results of a pipeline, or the annotations of a sample.

        Returns:
            (N,) indices into :data:`~mmdet3d_plugin.structures.training_objects.REASONS`, or -1
            for an object that is kept.
        """
        return self.limits.drop_reasons(
            results['gt_bboxes'], results['truncations'], results['occlusions'],
            results['depths'], results.get('gt_labels_3d'))

    def transform(self, results: dict) -> dict:
        """Remove the objects outside the limits."""
        keep_objects(results, self.drop_reasons(results) == KEPT)
        return results

    def __repr__(self) -> str:
        limits = self.limits
        return (f'{type(self).__name__}(min_height={limits.min_height}, '
                f'max_truncation={limits.max_truncation}, max_occlusion={limits.max_occlusion}, '
                f'depth_range={limits.depth_range}, labels={limits.labels})')
