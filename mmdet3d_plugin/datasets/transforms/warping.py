"""Warp of images, dense depth and instance maps by one affine."""
from typing import Optional, Sequence

import cv2
import numpy as np
from PIL import Image

from .sample_images import image_shape, map_images, map_instance_maps


def warp_results(results: dict, affine: np.ndarray, size: Sequence[int], depth_stride: int = 1,
                 pillow_inverse: Optional[np.ndarray] = None) -> None:
    """Warp the images of a sample, and its dense depth and instance maps, in place.

    OpenCV warps the images. Depth is that of the nearest pixel and is never interpolated. The
    released code of MonoDLE, GUPNet, DID-M3D and MonoLSS warps with Pillow and interpolates
    depth, see ``pillow_inverse``. Instance maps are those of the nearest pixel in any case.

    ``results['affine']`` composes the affines of all transforms, from original pixels to input
    pixels. ``img_shape`` and ``pad_shape`` become the (height, width) of the result.

    Args:
        results: results of a pipeline, with images, depth map and instance maps of one size.
        affine: (3, 3), from pixels of the image to pixels of the result.
        size: (width, height) of the result, pixels.
        depth_stride: result pixels per cell of the depth map. Depth is read at the centres of
            the cells.
        pillow_inverse: (2, 3) inverse of ``affine``. If it is given, Pillow warps images and
            depth with it. A cell of the depth map is then the mean of the interpolated depth,
            in which unknown depth counts as 0.

    Example:
        >>> results = dict(img=np.zeros((4, 8, 3), np.uint8))
        >>> warp_results(results, np.diag([.5, .5, 1.]), (4, 2))
        >>> results['img'].shape, results['img_shape'], results['affine'][0, 0].item()
        ((2, 4, 3), (2, 4), 0.5)
    """
    inverse = np.linalg.inv(affine)
    depth = results.get('gt_depth_map')
    cells = [length // depth_stride for length in size]
    if pillow_inverse is None:
        map_images(results, lambda image: warp_image(image, inverse, size))
        if depth is not None:
            results['gt_depth_map'] = warp_image(
                depth, inverse * [depth_stride, depth_stride, 1], cells, cv2.INTER_NEAREST)
    else:
        map_images(results, lambda image: warp_image_with_pillow(image, pillow_inverse, size))
        if depth is not None:
            results['gt_depth_map'] = cv2.resize(
                warp_image_with_pillow(depth, pillow_inverse, size), cells,
                interpolation=cv2.INTER_AREA)
    map_instance_maps(results, lambda instances: warp_image(instances, inverse, size,
                                                            cv2.INTER_NEAREST))
    results['img_shape'] = results['pad_shape'] = image_shape(results)
    results['affine'] = affine @ results.get('affine', np.eye(3))


def warp_image(image: np.ndarray, inverse_affine: np.ndarray, size: Sequence[int],
               interpolation: int = cv2.INTER_LINEAR) -> np.ndarray:
    """Warp an image with OpenCV. Pixels outside the source are 0.

    OpenCV places the centre of the first pixel at (0, 0), boxes and cameras place it at
    (0.5, 0.5). The affine is shifted between the two conventions. Without the shift, a scaled
    image would be displaced by up to half a pixel.

    Args:
        image: (H, W, C) uint8, (H, W) float32, or for the nearest pixel (H, W) int32.
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


def warp_image_with_pillow(image: np.ndarray, inverse_affine: np.ndarray,
                           size: Sequence[int]) -> np.ndarray:
    """Warp an image with Pillow's bilinear filter. Pixels outside the source are 0.

    Pillow and OpenCV round differently. At the border of the source, Pillow repeats the outer
    pixels, where OpenCV blends them with 0.

    Args:
        image: (H, W, 3) uint8, or (H, W) float32.
        inverse_affine: (2, 3), from target to source, continuous pixels.
        size: (width, height) of the result, pixels.

    Returns:
        Warped image of the given size, of the source's type.

    Example:
        >>> image = np.array([[10., 20.]], np.float32)
        >>> warp_image_with_pillow(image, np.array([[.5, 0., 0.], [0., 1., 0.]]), (4, 1)).tolist()
        [[10.0, 12.5, 17.5, 20.0]]
    """
    warped = Image.fromarray(np.ascontiguousarray(image)).transform(
        tuple(size), Image.Transform.AFFINE, tuple(np.ravel(inverse_affine).tolist()),
        resample=Image.Resampling.BILINEAR)
    return np.array(warped)
