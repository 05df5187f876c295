"""Projection with a full 3x4 camera matrix, its inverse, and its mirror.

KITTI's P2 has a translation column (the colour camera sits 6 cm from the
reference camera). All functions honour it exactly: the homogeneous coordinate
is ``z + P2[2, 3]``, so unprojecting what was projected returns the same point.
"""
import numpy as np
import torch
from mmdet3d.structures import points_cam2img


def project_to_image(points: torch.Tensor, cam2img: torch.Tensor) -> torch.Tensor:
    """Projects points to the image.

    Args:
        points: (M, 3) camera frame, metres.
        cam2img: (M, 3 or 4, 4) projection of each point's camera.

    Returns:
        (M, 2) continuous pixels.
    """
    homogeneous = (cam2img[:, :3, :3] * points[:, None]).sum(-1) + cam2img[:, :3, 3]
    return homogeneous[:, :2] / homogeneous[:, 2:]


def image_to_camera(uv: torch.Tensor, depths: torch.Tensor,
                    cam2img: torch.Tensor) -> torch.Tensor:
    """Lifts image points to the camera frame at given depths.

    Solves ``[u, v, 1] * w = cam2img @ [x, y, z, 1]`` for x and y, given z. The
    left 3x3 block is taken to be upper triangular without skew, as KITTI's is,
    also after a mirror or a scaling.

    Args:
        uv: (M, ..., 2) continuous pixels.
        depths: (M, ...) camera z, metres.
        cam2img: (M, 3 or 4, 4) projection of each object's camera.

    Returns:
        (M, ..., 3) camera frame, metres.
    """
    camera = cam2img.reshape(cam2img.shape[:1] + (1,) * (depths.dim() - 1) + cam2img.shape[1:])
    w = depths * camera[..., 2, 2] + camera[..., 2, 3]
    x = (uv[..., 0] * w - camera[..., 0, 2] * depths - camera[..., 0, 3]) / camera[..., 0, 0]
    y = (uv[..., 1] * w - camera[..., 1, 2] * depths - camera[..., 1, 3]) / camera[..., 1, 1]
    return torch.stack([x, y, depths], dim=-1)


def projected_boxes(corners: np.ndarray, cam2img: np.ndarray,
                    near: float = 0.1) -> np.ndarray:
    """Boxes around projected corners.

    Args:
        corners: (N, 8, 3) camera frame, metres; those nearer than ``near`` are
            moved to it, so that boxes beside the camera stay finite.
        cam2img: (3 or 4, 4) projection.

    Returns:
        (N, 4) left, top, right, bottom, pixels, not clipped to the image.
    """
    points = corners.copy()
    points[..., 2] = points[..., 2].clip(min=near)
    uv = points_cam2img(points.reshape(-1, 3), cam2img).reshape(-1, 8, 2)
    return np.concatenate([uv.min(axis=1), uv.max(axis=1)], axis=1)


def flip_camera(cam2img: np.ndarray, width: float) -> np.ndarray:
    """Camera of the horizontally mirrored image.

    It projects ``(-x, y, z)`` to ``(width - u, v)`` wherever ``cam2img``
    projects ``(x, y, z)`` to ``(u, v)``. Mirroring twice is the identity.

    Args:
        cam2img: (3 or 4, 4) projection.
        width: image width, pixels.
    """
    mirrored = np.array(cam2img, dtype=np.float64)
    mirrored[0] = width * mirrored[2] - mirrored[0]
    mirrored[:3, 0] *= -1
    return mirrored
