"""Crop and small rotation of the images and their dense depth."""
from typing import Optional, Sequence, Tuple, Union

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS

from ...benchmarks.depth.crops import crop_bounds
from ...errors import InputError
from .sample_images import image_shape, map_images, map_instance_maps
from .warping import warp_results


@TRANSFORMS.register_module()
class CropRotate(BaseTransform):
    """Crop to a region, or a random window of it, with a small random rotation (BTS).

    The image keeps its scale. The region is rotated around its centre, and pixels outside the
    region are black with unknown depth. Without ``size`` and ``max_angle`` nothing is random,
    which is the test-time form. ``affine`` maps original pixels to input pixels, and ``cam2img``
    stays that of the original image. Flip the image before this transform.

    Args:
        region: names as in :func:`~mmdet3d_plugin.benchmarks.depth.crops.crop_bounds`, such as
            ``'kitti_benchmark'``; the whole image by default.
        size: (width, height) of a window at a random place of the region, pixels.
        max_angle: largest angle of the rotation in both directions, degrees.

    Raises:
        InputError: the image is too small for the region or the window, or has boxes.

    Example:
        >>> results = CropRotate(size=(3, 2))(dict(img=np.zeros((4, 6, 3), np.uint8)))
        >>> results['img'].shape
        (2, 3, 3)
    """

    def __init__(self, region: Union[str, Sequence[str]] = (),
                 size: Optional[Tuple[int, int]] = None, max_angle: float = 0.) -> None:
        self.region = region
        self.size = size
        self.max_angle = max_angle

    def transform(self, results: dict) -> dict:
        """Crop and rotate the images, the depth map and the instance maps."""
        if 'gt_bboxes' in results:
            raise InputError('CropRotate moves image and depth but no boxes; use '
                             'CropScaleAffine for detectors')
        top, bottom, left, right = crop_bounds(self.region, image_shape(results))
        for change in (map_images, map_instance_maps):
            change(results, lambda image: image[top:bottom, left:right])
        if 'gt_depth_map' in results:
            results['gt_depth_map'] = results['gt_depth_map'][top:bottom, left:right]
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
