"""View synthesis: warp a neighbouring frame into the target view through a depth map.

Nothing here multiplies matrices with ``@``: reduced precision (autocast, TF32) would shift the
sampling locations by whole pixels. The source is Godard et al. 2019, "Digging into
self-supervised monocular depth estimation".
"""
from functools import reduce
from typing import Tuple

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

# Smallest divisor of a projection, metres. Points below it count as behind the camera.
MIN_DIVISOR = 1e-3


def disparity_to_depth(disparity: Tensor, depth_range: Tuple[float, float]) -> Tensor:
    """Convert the sigmoid output of a disparity decoder to depth.

    The inverse depth is linear in the disparity: ``1 / max + (1 / min - 1 / max) * disparity``.

    Args:
        disparity: values in [0, 1], any shape.
        depth_range: depth in metres at disparity 1 (min) and at disparity 0 (max).

    Returns:
        Depth in metres, same shape, float32 at least.

    Example:
        >>> disparity_to_depth(torch.tensor([0., 1.]), depth_range=(0.1, 100.))
        tensor([100.0000,   0.1000])
    """
    disparity, = full_precision(disparity)
    nearest, farthest = depth_range
    return 1 / (1 / farthest + (1 / nearest - 1 / farthest) * disparity)


def full_precision(*tensors: Tensor) -> Tuple[Tensor, ...]:
    """Cast tensors to their common floating-point type, float32 at least."""
    dtype = reduce(torch.promote_types, (tensor.dtype for tensor in tensors), torch.float32)
    return tuple(tensor.to(dtype) for tensor in tensors)


def pixel_centres(size: Tuple[int, int], like: Tensor) -> Tensor:
    """Return the continuous pixels (2, H * W) of all pixel centres, u first, row by row.

    Args:
        size: height and width.
        like: tensor with the type and device of the result.

    Example:
        >>> pixel_centres((1, 2), like=torch.zeros(1))
        tensor([[0.5000, 1.5000],
                [0.5000, 0.5000]])
    """
    height, width = size
    v, u = torch.meshgrid(
        torch.arange(height, dtype=like.dtype, device=like.device) + 0.5,
        torch.arange(width, dtype=like.dtype, device=like.device) + 0.5, indexing='ij')
    return torch.stack([u, v]).flatten(1)


def back_project(depth: Tensor, cam2img: Tensor) -> Tensor:
    """Lift every pixel centre to the point of the target camera frame at the pixel's depth.

    Solves ``[u w, v w, w, 1] = cam2img @ [x, y, z, 1]`` with ``z = depth`` in closed form, so the
    host does not wait for the device. The third row of ``cam2img`` must be (0, 0, p, q), as
    after a mirror, a crop, a scaling or a rotation of the image.

    Args:
        depth: (B, 1, H, W) camera z, metres.
        cam2img: (B, 4, 4) projection of each sample to the pixels of this depth map.

    Returns:
        (B, 4, H * W) homogeneous points (x, y, z, 1), metres, row by row.

    Example:
        >>> camera = torch.tensor([[[2., 0., 1., 0.], [0., 2., 1., 0.],
        ...                         [0., 0., 1., 0.], [0., 0., 0., 1.]]])
        >>> back_project(torch.full((1, 1, 1, 2), 4.), camera)[0].T
        tensor([[-1., -1.,  4.,  1.],
                [ 1., -1.,  4.,  1.]])
    """
    depth, cam2img = full_precision(depth, cam2img)
    u, v = pixel_centres(depth.shape[-2:], like=depth)
    z = depth.flatten(1)
    camera = cam2img[..., None]
    w = camera[:, 2, 2] * z + camera[:, 2, 3]
    right_u = u * w - camera[:, 0, 2] * z - camera[:, 0, 3]
    right_v = v * w - camera[:, 1, 2] * z - camera[:, 1, 3]
    determinant = camera[:, 0, 0] * camera[:, 1, 1] - camera[:, 0, 1] * camera[:, 1, 0]
    x = (camera[:, 1, 1] * right_u - camera[:, 0, 1] * right_v) / determinant
    y = (camera[:, 0, 0] * right_v - camera[:, 1, 0] * right_u) / determinant
    return torch.stack([x, y, z, torch.ones_like(z)], dim=1)


def project(points: Tensor, cam2img: Tensor, motion: Tensor, size: Tuple[int, int]) -> Tensor:
    """Project points of the target camera frame to the image of a neighbouring frame.

    Args:
        points: (B, 4, N) homogeneous points, target camera frame, metres.
        cam2img: (B, 4, 4) projection of the neighbouring frame's camera.
        motion: (B, 4, 4) from the target camera frame to the neighbour's, metres.
        size: height and width of the neighbour's image, pixels.

    Returns:
        (B, N, 2) continuous pixels (u, v). Points behind the camera go to (-W, -H), outside of
        the image, and pass no gradient.

    Example:
        >>> camera = torch.tensor([[[2., 0., 1., 0.], [0., 2., 1., 0.],
        ...                         [0., 0., 1., 0.], [0., 0., 0., 1.]]])
        >>> points = torch.tensor([[[1., 0.], [-1., 0.], [4., -1.], [1., 1.]]])
        >>> project(points, camera, torch.eye(4)[None], size=(1, 2))
        tensor([[[ 1.5000,  0.5000],
                 [-2.0000, -1.0000]]])
    """
    points, cam2img, motion = full_precision(points, cam2img, motion)
    camera = (cam2img[:, :3, :, None] * motion[:, None]).sum(2)
    u, v, w = sum(camera[:, :, column, None] * points[:, None, column]
                  for column in range(4)).unbind(1)
    height, width = size
    divisor = w.clamp(min=MIN_DIVISOR)
    behind = w < MIN_DIVISOR
    return torch.stack([(u / divisor).masked_fill(behind, -width),
                        (v / divisor).masked_fill(behind, -height)], dim=-1)


def sampling_grid(depth: Tensor, cam2img: Tensor, motion: Tensor) -> Tensor:
    """Return where each pixel of the target view lies in a neighbouring frame.

    Both frames have the camera ``cam2img``.

    Args:
        depth: (B, 1, H, W) depth of the target view, metres.
        cam2img: (B, 4, 4) projection to the pixels of this depth map.
        motion: (B, 4, 4) from the target camera frame to the neighbour's, metres.

    Returns:
        (B, H, W, 2) grid for :func:`warp`: (2 u / W - 1, 2 v / H - 1) of continuous pixels.

    Example:
        >>> camera = torch.tensor([[[2., 0., 1., 0.], [0., 2., .5, 0.],
        ...                         [0., 0., 1., 0.], [0., 0., 0., 1.]]])
        >>> grid = sampling_grid(torch.full((1, 1, 1, 2), 4.), camera, torch.eye(4)[None])
        >>> grid[0, 0]
        tensor([[-0.5000,  0.0000],
                [ 0.5000,  0.0000]])
    """
    height, width = depth.shape[-2:]
    pixels = project(back_project(depth, cam2img), cam2img, motion, (height, width))
    grid = torch.stack([2 * pixels[..., 0] / width - 1, 2 * pixels[..., 1] / height - 1], dim=-1)
    return grid.unflatten(1, (height, width))


def warp(image: Tensor, grid: Tensor, mode: str = 'bilinear',
         padding_mode: str = 'border') -> Tensor:
    """Sample an image at the locations of a grid.

    Args:
        image: (B, C, H, W) image, feature map or instance map of the neighbouring frame.
        grid: (B, h, w, 2) normalised locations of :func:`sampling_grid`.
        mode: 'bilinear' or 'nearest'.
        padding_mode: 'border' repeats the nearest pixel outside of the image, 'zeros' does not.

    Returns:
        (B, C, h, w), float32 at least.

    Example:
        >>> image = torch.tensor([[[[0., 10., 20.]]]])
        >>> warp(image, torch.tensor([[[[0., 0.], [1 / 3, 0.], [3., 0.]]]]))
        tensor([[[[10., 15., 20.]]]])
    """
    image, grid = full_precision(image, grid)
    return grid_sample(image, grid, mode=mode, padding_mode=padding_mode, align_corners=False)
