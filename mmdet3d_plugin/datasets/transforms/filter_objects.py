"""Selection of the objects that are suited for training."""
from typing import Optional, Sequence, Tuple

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS

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
        self.min_height = min_height
        self.max_truncation = max_truncation
        self.max_occlusion = max_occlusion
        self.depth_range = depth_range
        self.labels = labels

    def transform(self, results: dict) -> dict:
        """Remove the objects outside the limits."""
        boxes, depths = results['gt_bboxes'], results['depths']
        heights = boxes[:, 3] - boxes[:, 1] + 1
        nearest, farthest = self.depth_range
        kept = ((heights >= self.min_height)
                & (results['truncations'] <= self.max_truncation)
                & (results['occlusions'] <= self.max_occlusion)
                & (depths >= nearest) & (depths <= farthest))
        if self.labels is not None:
            kept &= np.isin(results['gt_labels_3d'], self.labels)
        keep_objects(results, kept)
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(min_height={self.min_height}, '
                f'max_truncation={self.max_truncation}, max_occlusion={self.max_occlusion}, '
                f'depth_range={self.depth_range}, labels={self.labels})')
