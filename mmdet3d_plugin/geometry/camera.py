"""Projection with the full 3x4 camera matrix, and its inverse, on torch tensors.

KITTI's P2 has a translation column (the colour camera sits 6 cm from the reference camera).
Both functions use all of it: the projection divides by ``z + P2[2, 3]``, and
:func:`image_to_camera` is the exact inverse of :func:`project_to_image`.

Each object has a camera of its own here. The numpy counterparts for one camera, ``project`` and
``flip_camera``, are in ``structures.cameras``.
"""
import torch


def project_to_image(points: torch.Tensor, cam2img: torch.Tensor) -> torch.Tensor:
    """Project points of the camera frame to the image.

    Args:
        points: (M, 3) camera frame, metres.
        cam2img: (M, 3 or 4, 4) projection of each point's camera.

    Returns:
        (M, 2) continuous pixels (u, v).

    Example:
        >>> import torch
        >>> camera = torch.tensor([[[700., 0., 600., 0.], [0., 700., 180., 0.], [0., 0., 1., 0.]]])
        >>> project_to_image(torch.tensor([[2., 1., 10.]]), camera)
        tensor([[740., 250.]])
    """
    homogeneous = (cam2img[:, :3, :3] * points[:, None]).sum(-1) + cam2img[:, :3, 3]
    return homogeneous[:, :2] / homogeneous[:, 2:]


def image_to_camera(uv: torch.Tensor, depths: torch.Tensor,
                    cam2img: torch.Tensor) -> torch.Tensor:
    """Lift image points to the camera frame at given depths.

    Solves ``[u, v, 1] * w = cam2img @ [x, y, z, 1]`` for x and y, given z. The left 3x3 block
    of ``cam2img`` must be upper triangular without skew. KITTI's is, also after a mirror or a
    scaling.

    Args:
        uv: (M, ..., 2) continuous pixels (u, v).
        depths: (M, ...) camera z, metres.
        cam2img: (M, 3 or 4, 4) projection of each object's camera.

    Returns:
        (M, ..., 3) camera frame, metres.

    Example:
        >>> import torch
        >>> camera = torch.tensor([[[700., 0., 600., 0.], [0., 700., 180., 0.], [0., 0., 1., 0.]]])
        >>> image_to_camera(torch.tensor([[740., 250.]]), torch.tensor([10.]), camera)
        tensor([[ 2.,  1., 10.]])
    """
    camera = cam2img.reshape(cam2img.shape[:1] + (1,) * (depths.dim() - 1) + cam2img.shape[1:])
    w = depths * camera[..., 2, 2] + camera[..., 2, 3]
    x = (uv[..., 0] * w - camera[..., 0, 2] * depths - camera[..., 0, 3]) / camera[..., 0, 0]
    y = (uv[..., 1] * w - camera[..., 1, 2] * depths - camera[..., 1, 3]) / camera[..., 1, 1]
    return torch.stack([x, y, depths], dim=-1)
