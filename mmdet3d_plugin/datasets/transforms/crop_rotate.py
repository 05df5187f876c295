"""Crop and small rotation of the image and its dense depth."""
from typing import Optional, Sequence, Tuple, Union

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS

from ...benchmarks.depth.crops import crop_bounds
from ...errors import InputError
from .warping import warp_results


@TRANSFORMS.register_module()
class CropRotate(BaseTransform):
    """Shows a region of the image, or a random window of it, at its own scale (BTS).

    The region is rotated by a random angle around its centre; what lies outside of it is
    black, with unknown depth. Without a window and an angle nothing is random: the
    test-time form. ``affine`` tells where pixels went; the camera stays that of the original
    image. Mirror the image before.

    Args:
        region: names as in :func:`~mmdet3d_plugin.benchmarks.depth.crops.crop_bounds`, such as
            ``'kitti_benchmark'``; the whole image by default.
        size: (width, height) of a window at a random place of the region, pixels.
        max_angle: greatest angle of the rotation in both directions, degrees.

    Raises:
        InputError: the image is too small for region or window, or has boxes.
    """

    def __init__(self, region: Union[str, Sequence[str]] = (),
                 size: Optional[Tuple[int, int]] = None, max_angle: float = 0.) -> None:
        self.region = region
        self.size = size
        self.max_angle = max_angle

    def transform(self, results: dict) -> dict:
        if 'gt_bboxes' in results:
            raise InputError('CropRotate moves image and depth but no boxes; use '
                             'CropScaleAffine for detectors')
        top, bottom, left, right = crop_bounds(self.region, results['img'].shape[:2])
        for key in ('img', 'gt_depth_map'):
            if key in results:
                results[key] = results[key][top:bottom, left:right]
        extent = np.array([right - left, bottom - top])
        to_region = np.eye(3)
        to_region[:2, 2] = -left, -top
        results['affine'] = to_region @ results.get('affine', np.eye(3))

        window = np.array(extent if self.size is None else self.size)
        if (window > extent).any():
            raise InputError(f'{results.get("img_path", "image")}: a window of '
                             f'{window[0]}x{window[1]} does not fit its region of '
                             f'{extent[0]}x{extent[1]}; choose a smaller size')
        angle = self.max_angle * np.random.uniform(-1, 1)
        affine = np.vstack([cv2.getRotationMatrix2D(extent / 2, angle, 1.), [0., 0., 1.]])
        affine[:2, 2] -= np.random.randint(0, extent - window + 1)
        warp_results(results, affine, window.tolist())
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(region={self.region!r}, size={self.size}, '
                f'max_angle={self.max_angle})')
