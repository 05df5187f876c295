"""Image-plane affines between the original image and the network input."""
from typing import Sequence, Tuple

import numpy as np
import torch


def affine_from_crop(center: Sequence[float], crop_width: float,
                     input_size: Tuple[int, int]) -> np.ndarray:
    """Affine that shows a crop of the image in an input of fixed size.

    The scale is the same in both directions and fits the crop's width; the
    crop's centre lands on the input's centre (MonoLSS, MonoDLE, CenterNet).

    Args:
        center: (u, v) of the crop, pixels of the original image.
        crop_width: pixels of the original image.
        input_size: (width, height) of the network input, pixels.

    Returns:
        (3, 3) float64, original pixels to input pixels.
    """
    scale = input_size[0] / crop_width
    return np.array([[scale, 0., input_size[0] / 2 - scale * center[0]],
                     [0., scale, input_size[1] / 2 - scale * center[1]],
                     [0., 0., 1.]])


def apply_affine(points, affine):
    """Maps (..., 2) points by an affine; numpy or torch, as given.

    Args:
        points: (N, 2) points with one (3, 3) affine, or (M, ..., 2) points with
            one (M, 3, 3) affine for each leading index.
    """
    if isinstance(points, torch.Tensor) and affine.dim() == 3:
        affine = affine.reshape(affine.shape[:1] + (1,) * (points.dim() - 2) + (3, 3))
    # Elementwise, because autocast runs matrix products in half precision.
    linear, offset = affine[..., :2, :2], affine[..., :2, 2]
    return (linear * points[..., None, :]).sum(-1) + offset
