"""Smoothness of a disparity map except at edges of the image (Godard et al. 2019)."""
from torch import Tensor

from .view_synthesis import full_precision


def smoothness_loss(disparity: Tensor, image: Tensor) -> Tensor:
    """Return the edge-aware first differences of the normalised disparity.

    Each sample's disparity is divided by its mean. A difference between two neighbouring pixels
    weighs ``exp(-mean over channels of |image difference|)``. The result is the mean over the
    horizontal pairs plus the mean over the vertical pairs. The caller applies the weight of the
    scale (1e-3 / 2^s in the paper).

    Args:
        disparity: (B, 1, H, W) positive, H and W at least 2.
        image: (B, 3, H, W) image in [0, 1] at the same resolution.

    Returns:
        Scalar.

    Example:
        >>> import torch
        >>> step = torch.tensor([[[[1., 3.], [1., 3.]]]])
        >>> smoothness_loss(step, torch.zeros(1, 3, 2, 2))
        tensor(1.)
        >>> smoothness_loss(step, step.expand(1, 3, 2, 2))
        tensor(0.1353)
    """
    disparity, image = full_precision(disparity, image)
    mean = disparity.mean(dim=(1, 2, 3), keepdim=True)
    normalised = disparity / mean.clamp(min=1e-7)
    return sum((normalised.diff(dim=dim).abs() * _edge_weight(image, dim)).mean()
               for dim in (2, 3))


def _edge_weight(image: Tensor, dim: int) -> Tensor:
    return (-image.diff(dim=dim).abs().mean(dim=1, keepdim=True)).exp()
