"""Image and dense depth through one affine."""
from typing import Sequence

import cv2
import numpy as np


def warp_results(results: dict, affine: np.ndarray, size: Sequence[int],
                 depth_stride: int = 1) -> None:
    """Shows the image and, if it is loaded, the dense depth through an affine, in place.

    Depth is that of the nearest pixel, never blended. ``results['affine']`` composes the
    affines of all transforms, original pixels to input pixels.

    Args:
        results: of a pipeline; an image and depth map of one size.
        affine: (3, 3), the image's pixels to those of the result.
        size: (width, height) of the result, pixels.
        depth_stride: result pixels a cell of the depth map, which is read at the centres of
            cells.
    """
    inverse = np.linalg.inv(affine)
    results['img'] = warp_image(results['img'], inverse, size)
    if 'gt_depth_map' in results:
        results['gt_depth_map'] = warp_image(
            results['gt_depth_map'], inverse * [depth_stride, depth_stride, 1],
            [length // depth_stride for length in size], cv2.INTER_NEAREST)
    results['img_shape'] = results['pad_shape'] = results['img'].shape[:2]
    results['affine'] = affine @ results.get('affine', np.eye(3))


def warp_image(image: np.ndarray, inverse_affine: np.ndarray, size: Sequence[int],
               interpolation: int = cv2.INTER_LINEAR) -> np.ndarray:
    """Warp in one OpenCV call; what lies outside the image is 0.

    OpenCV has the centre of the first pixel at (0, 0), boxes and cameras have it at
    (0.5, 0.5): without the shift between the two, a scaled image would be off by up to
    half a pixel.

    Args:
        image: (H, W, 3) uint8, or (H, W) float32.
        inverse_affine: (2 or 3, 3), target to source, continuous pixels.
        size: (width, height) of the result.
        interpolation: OpenCV's flag.
    """
    matrix = np.array(inverse_affine[:2], dtype=np.float64)
    matrix[:, 2] += 0.5 * matrix[:, :2].sum(axis=1) - 0.5
    return cv2.warpAffine(image, matrix, tuple(size),
                          flags=interpolation | cv2.WARP_INVERSE_MAP)
