"""Affine maps of the image plane between the original image and the network input."""
from typing import Sequence, Tuple

import numpy as np
import torch


def affine_from_crop(center: Sequence[float], crop_width: float,
                     input_size: Tuple[int, int]) -> np.ndarray:
    """Return the affine that maps a crop of the original image to an input of fixed size.

    Both directions have the same scale, which fits the crop's width to the input's width. The
    crop's centre maps to the input's centre (MonoLSS, MonoDLE, CenterNet).

    Args:
        center: (u, v) of the crop, original pixels.
        crop_width: width of the crop, original pixels.
        input_size: (width, height) of the network input, input pixels.

    Returns:
        (3, 3) float64, original pixels to input pixels.

    Example:
        >>> affine = affine_from_crop((600., 180.), 320., (640, 192))
        >>> affine.tolist()
        [[2.0, 0.0, -880.0], [0.0, 2.0, -264.0], [0.0, 0.0, 1.0]]
    """
    scale = input_size[0] / crop_width
    return np.array([[scale, 0., input_size[0] / 2 - scale * center[0]],
                     [0., scale, input_size[1] / 2 - scale * center[1]],
                     [0., 0., 1.]])


def inverse_of_affine(affine: torch.Tensor) -> torch.Tensor:
    """Invert affines in closed form, with operations that ONNX has.

    Args:
        affine: (B, 3, 3) with the last row (0, 0, 1).

    Returns:
        (B, 3, 3) inverses.

    Example:
        >>> affine = torch.tensor([[[2., 0., 6.], [0., 4., 8.], [0., 0., 1.]]])
        >>> apply_affine(torch.tensor([[6., 8.]]), inverse_of_affine(affine))
        tensor([[0., 0.]])
    """
    (a, b, u), (c, d, v), last = (row.unbind(1) for row in affine.unbind(1))
    determinant = a * d - b * c
    rows = ((d, -b, b * v - d * u), (-c, a, c * u - a * v))
    inverse = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
    return torch.cat([inverse / determinant[:, None, None], torch.stack(last, dim=1)[:, None]],
                     dim=1)


def apply_affine(points, affine):
    """Map points by an affine. Points and affine are both numpy arrays or both tensors.

    Args:
        points: (..., 2) points for one affine, or, tensors only, (M, ..., 2) points for M
            affines.
        affine: (3, 3) one affine, or (M, 3, 3) one affine per leading index of ``points``.

    Returns:
        Mapped points, of the type and shape of ``points``.

    Example:
        >>> import numpy as np
        >>> apply_affine(np.array([[440., 132.]]), affine_from_crop((600, 180), 320, (640, 192)))
        array([[0., 0.]])
    """
    if isinstance(points, torch.Tensor) and affine.dim() == 3:
        affine = affine.reshape(affine.shape[:1] + (1,) * (points.dim() - 2) + (3, 3))
    # Elementwise: autocast would run a matrix product in half precision.
    linear, offset = affine[..., :2, :2], affine[..., :2, 2]
    return (linear * points[..., None, :]).sum(-1) + offset
