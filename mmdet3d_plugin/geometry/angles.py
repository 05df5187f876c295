"""Conversion between yaw (KITTI's rotation_y) and observation angle alpha, on torch tensors.

Here the viewing direction comes from the image column of the object. The numpy counterpart
``structures.angles.observation_angle`` takes it from the object's location instead.
"""
import torch

from ..structures.angles import wrap_angle


def _ray_angle(u: torch.Tensor, cam2img: torch.Tensor) -> torch.Tensor:
    """Return the angle (M,) from the optical axis to the ray through column u, radians."""
    return torch.atan2(u - cam2img[:, 0, 2], cam2img[:, 0, 0])


def yaw_to_alpha(yaw: torch.Tensor, u: torch.Tensor, cam2img: torch.Tensor) -> torch.Tensor:
    """Return the observation angle of objects seen at image column ``u``.

    ``alpha = yaw - atan2(u - c_u, f_u)``, with the principal point ``c_u = cam2img[0, 2]`` and
    the focal length ``f_u = cam2img[0, 0]``.

    Args:
        yaw: (M,) rotation around the camera's y axis, radians.
        u: (M,) column of the object's reference point, pixels of the image that
            ``cam2img`` belongs to.
        cam2img: (M, 3 or 4, 4) projection of each object's camera.

    Returns:
        (M,) alpha in [-pi, pi): the yaw relative to the viewing ray.

    Example:
        A column one focal length right of the principal point is seen at 45 degrees.

        >>> import math
        >>> import torch
        >>> camera = torch.tensor([[[700., 0., 600., 0.], [0., 700., 180., 0.], [0., 0., 1., 0.]]])
        >>> alpha = yaw_to_alpha(torch.tensor([math.pi / 2]), torch.tensor([1300.]), camera)
        >>> round(math.degrees(alpha.item()), 3)
        45.0
    """
    return wrap_angle(yaw - _ray_angle(u, cam2img))


def alpha_to_yaw(alpha: torch.Tensor, u: torch.Tensor, cam2img: torch.Tensor) -> torch.Tensor:
    """Return the yaw of objects seen at image column ``u``: inverse of :func:`yaw_to_alpha`.

    Args:
        alpha: (M,) observation angle, radians.
        u: (M,) column of the object's reference point, pixels of the image that
            ``cam2img`` belongs to.
        cam2img: (M, 3 or 4, 4) projection of each object's camera.

    Returns:
        (M,) yaw in [-pi, pi).

    Example:
        >>> import math
        >>> import torch
        >>> camera = torch.tensor([[[700., 0., 600., 0.], [0., 700., 180., 0.], [0., 0., 1., 0.]]])
        >>> yaw = alpha_to_yaw(torch.tensor([math.pi / 4]), torch.tensor([1300.]), camera)
        >>> round(math.degrees(yaw.item()), 3)
        90.0
    """
    return wrap_angle(alpha + _ray_angle(u, cam2img))
