"""Which objects are fit to be learned from."""
from typing import Tuple

from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS

from .object_fields import keep_objects


@TRANSFORMS.register_module()
class FilterObjects(BaseTransform):
    """Drops objects that are too small, hidden, cut, near or far to learn from.

    Use it before the image is scaled, since heights are of the original image.

    Args:
        min_height: least 2D box height plus one, pixels.
        max_truncation: largest share outside the image, 0-1.
        max_occlusion: largest KITTI occlusion level, 0-3.
        depth_range: nearest and farthest camera z, metres.
    """

    def __init__(self, min_height: float, max_truncation: float, max_occlusion: int,
                 depth_range: Tuple[float, float]) -> None:
        self.min_height = min_height
        self.max_truncation = max_truncation
        self.max_occlusion = max_occlusion
        self.depth_range = depth_range

    def transform(self, results: dict) -> dict:
        boxes, depths = results['gt_bboxes'], results['depths']
        heights = boxes[:, 3] - boxes[:, 1] + 1
        nearest, farthest = self.depth_range
        keep_objects(results, (heights >= self.min_height)
                     & (results['truncations'] <= self.max_truncation)
                     & (results['occlusions'] <= self.max_occlusion)
                     & (depths >= nearest) & (depths <= farthest))
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(min_height={self.min_height}, '
                f'max_truncation={self.max_truncation}, max_occlusion={self.max_occlusion}, '
                f'depth_range={self.depth_range})')
