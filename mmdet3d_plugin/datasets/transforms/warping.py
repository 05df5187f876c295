"""Warp of images and dense depth by one affine."""
from typing import Sequence

import cv2
import numpy as np

from .sample_images import image_shape, map_images


def warp_results(results: dict, affine: np.ndarray, size: Sequence[int],
                 depth_stride: int = 1) -> None:
    """Warp every image of a sample and, if loaded, the dense depth by an affine, in place.

    Depth is that of the nearest pixel and is never interpolated. ``results['affine']`` composes
    the affines of all transforms, from original pixels to input pixels. ``img_shape`` and
    ``pad_shape`` become the (height, width) of the result.

    Args:
        results: results of a pipeline, with images and depth map of one size.
        affine: (3, 3), from pixels of the image to pixels of the result.
        size: (width, height) of the result, pixels.
        depth_stride: result pixels per cell of the depth map. Depth is read at the centres of
            the cells.

    Example:
        >>> results = dict(img=np.zeros((4, 8, 3), np.uint8))
        >>> warp_results(results, np.diag([.5, .5, 1.]), (4, 2))
        >>> results['img'].shape, results['img_shape'], results['affine'][0, 0].item()
        ((2, 4, 3), (2, 4), 0.5)
    """
    inverse = np.linalg.inv(affine)
    map_images(results, lambda image: warp_image(image, inverse, size))
    if 'gt_depth_map' in results:
        results['gt_depth_map'] = warp_image(
            results['gt_depth_map'], inverse * [depth_stride, depth_stride, 1],
            [length // depth_stride for length in size], cv2.INTER_NEAREST)
    results['img_shape'] = results['pad_shape'] = image_shape(results)
    results['affine'] = affine @ results.get('affine', np.eye(3))


def warp_image(image: np.ndarray, inverse_affine: np.ndarray, size: Sequence[int],
               interpolation: int = cv2.INTER_LINEAR) -> np.ndarray:
    """Warp an image with OpenCV. Pixels outside the source are 0.

    OpenCV places the centre of the first pixel at (0, 0), boxes and cameras place it at
    (0.5, 0.5). The affine is shifted between the two conventions. Without the shift, a scaled
    image would be displaced by up to half a pixel.

    Args:
        image: (H, W, C) uint8, or (H, W) float32.
        inverse_affine: (2 or 3, 3), from target to source, continuous pixels.
        size: (width, height) of the result, pixels.
        interpolation: OpenCV's flag.

    Returns:
        Warped image of the given size, of the source's type.

    Example:
        >>> image = np.array([[10., 20.]], np.float32)
        >>> warp_image(image, np.array([[.5, 0., 0.], [0., 1., 0.]]), (4, 1),
        ...            cv2.INTER_NEAREST).tolist()  # twice as wide
        [[10.0, 10.0, 20.0, 20.0]]
    """
    matrix = np.array(inverse_affine[:2], dtype=np.float64)
    matrix[:, 2] += 0.5 * matrix[:, :2].sum(axis=1) - 0.5
    return cv2.warpAffine(image, matrix, tuple(size),
                          flags=interpolation | cv2.WARP_INVERSE_MAP)
