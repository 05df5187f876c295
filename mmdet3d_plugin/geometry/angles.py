"""Object angles: yaw (KITTI's rotation_y), observation angle alpha."""
import torch

from ..structures.angles import wrap_angle


def _ray_angle(u: torch.Tensor, cam2img: torch.Tensor) -> torch.Tensor:
    """Angle (M,) of the ray through column u from the optical axis, radians."""
    return torch.atan2(u - cam2img[:, 0, 2], cam2img[:, 0, 0])


def yaw_to_alpha(yaw: torch.Tensor, u: torch.Tensor, cam2img: torch.Tensor) -> torch.Tensor:
    """Observation angle of an object seen at image column ``u``.

    Args:
        yaw: (M,) rotation around the camera's y axis, radians.
        u: (M,) column of the object's reference point, pixels of the image that
            ``cam2img`` belongs to.
        cam2img: (M, 3 or 4, 4) projection of each object's camera.

    Returns:
        (M,) alpha in [-pi, pi): the yaw relative to the viewing ray.
    """
    return wrap_angle(yaw - _ray_angle(u, cam2img))


def alpha_to_yaw(alpha: torch.Tensor, u: torch.Tensor, cam2img: torch.Tensor) -> torch.Tensor:
    """Inverse of :func:`yaw_to_alpha`."""
    return wrap_angle(alpha + _ray_angle(u, cam2img))
