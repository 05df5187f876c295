"""Photometric error between a warped and a target image, and the masks of its mean.

The source is Godard et al. 2019, "Digging into self-supervised monocular depth estimation".
"""
from typing import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from .view_synthesis import full_precision

# Constants of SSIM for images in [0, 1] (Wang et al. 2004).
MEAN_CONSTANT = 0.01 ** 2
VARIANCE_CONSTANT = 0.03 ** 2


def ssim(x: Tensor, y: Tensor) -> Tensor:
    """Return the structural similarity of 3x3 windows around every pixel.

    All pixels of a window have the same weight. Images are padded by reflection.

    Args:
        x: (B, C, H, W) image in [0, 1], H and W at least 2.
        y: (B, C, H, W) image in [0, 1].

    Returns:
        (B, C, H, W) similarity in [-1, 1], 1 for equal windows.

    Example:
        >>> image = torch.linspace(0, 1, 12).reshape(1, 1, 3, 4)
        >>> bool((ssim(image, image) > 0.999).all()), bool((ssim(image, 1 - image) < 0).any())
        (True, True)
    """
    x, y = (pad(image, (1, 1, 1, 1), mode='reflect') for image in full_precision(x, y))
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    variance_x = _window_mean(x * x) - mean_x * mean_x
    variance_y = _window_mean(y * y) - mean_y * mean_y
    covariance = _window_mean(x * y) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + MEAN_CONSTANT) * (2 * covariance + VARIANCE_CONSTANT)
    return similarity / ((mean_x * mean_x + mean_y * mean_y + MEAN_CONSTANT)
                         * (variance_x + variance_y + VARIANCE_CONSTANT))


def photometric_error(predicted: Tensor, target: Tensor, ssim_weight: float = 0.85) -> Tensor:
    """Return the photometric error of every pixel.

    The error is ``ssim_weight * clamp((1 - SSIM) / 2, 0, 1) + (1 - ssim_weight) * |difference|``,
    averaged over the channels.

    Args:
        predicted: (B, C, H, W) image in [0, 1].
        target: (B, C, H, W) image in [0, 1].
        ssim_weight: weight of the structural part, 0 to 1.

    Returns:
        (B, 1, H, W).

    Example:
        >>> black, white = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
        >>> photometric_error(black, white, ssim_weight=0.)[0, 0]
        tensor([[1., 1.],
                [1., 1.]])
    """
    predicted, target = full_precision(predicted, target)
    absolute = (predicted - target).abs().mean(1, keepdim=True)
    if not ssim_weight:
        return absolute
    structural = ((1 - ssim(predicted, target)) / 2).clamp(0, 1).mean(1, keepdim=True)
    return ssim_weight * structural + (1 - ssim_weight) * absolute


def minimum_error(errors: Sequence[Tensor]) -> Tensor:
    """Return the smallest error of every pixel.

    Equal candidates share the gradient.

    Args:
        errors: error maps (B, 1, H, W) of the candidate images.

    Returns:
        (B, 1, H, W).

    Example:
        >>> errors = [torch.tensor([[[[1., 4.]]]]), torch.tensor([[[[3., 2.]]]])]
        >>> minimum_error(errors)
        tensor([[[[1., 2.]]]])
    """
    return torch.cat(list(errors), dim=1).amin(dim=1, keepdim=True)


def automask(error: Tensor, identity_error: Tensor, noise: float = 1e-5) -> Tensor:
    """Mark the pixels that the warp explains at least as well as the unwarped frames.

    The other pixels show a scene or a car that moves with the camera, or no texture.

    Args:
        error: (B, 1, H, W) smallest error of the warped frames.
        identity_error: (B, 1, H, W) smallest error of the unwarped frames.
        noise: standard deviation of the Gaussian noise that breaks ties.

    Returns:
        (B, 1, H, W) bool, True where the error counts.

    Example:
        >>> error = torch.tensor([[[[0.1, 0.3]]]])
        >>> automask(error, torch.tensor([[[[0.2, 0.2]]]]))
        tensor([[[[ True, False]]]])
    """
    if noise:
        identity_error = identity_error + noise * torch.randn_like(identity_error)
    return error <= identity_error


def masked_mean(error: Tensor, mask: Tensor) -> Tensor:
    """Return the mean error of the masked pixels.

    Args:
        error: any shape. Values outside of the mask are ignored, also NaN.
        mask: same shape; bool, or weights that are not negative.

    Returns:
        Scalar. For an empty mask a zero with a zero gradient.

    Example:
        >>> masked_mean(torch.tensor([1., 3., 8.]), torch.tensor([True, True, False]))
        tensor(2.)
        >>> masked_mean(torch.tensor([1., 3.]), torch.tensor([False, False]))
        tensor(0.)
    """
    error, weight = full_precision(error, mask)
    total = weight.sum()
    return (error.masked_fill(mask == 0, 0) * weight).sum() / total.masked_fill(total == 0, 1)


def _window_mean(image: Tensor) -> Tensor:
    """Return the means (B, C, H - 2, W - 2) of all 3x3 windows of (B, C, H, W).

    On a CPU, sums of shifted images are ten times as fast as ``avg_pool2d``.
    """
    rows = image[..., :-2, :] + image[..., 1:-1, :] + image[..., 2:, :]
    return (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) / 9
