"""Rigid motions between two camera frames, as 4x4 matrices."""
import torch
from torch import Tensor

# Squared angle below which a series replaces the sine, radians^2. The first omitted term is
# at the rounding error of float64.
SMALL_SQUARED_ANGLE = 1e-4


def axis_angle_to_rotation(axis_angle: Tensor) -> Tensor:
    """Convert axis-angle vectors to rotation matrices (Rodrigues' formula).

    Smooth everywhere: at the zero vector the matrix is exactly the identity, and the gradient
    is finite.

    Args:
        axis_angle: (B, 3) rotation axis times angle in radians.

    Returns:
        (B, 3, 3), float32 at least.

    Example:
        >>> quarter_turn = torch.tensor([[0., 0., torch.pi / 2]])
        >>> (axis_angle_to_rotation(quarter_turn) @ torch.tensor([1., 0., 0.])).round()
        tensor([[-0., 1., 0.]])
    """
    axis_angle = axis_angle.to(torch.promote_types(axis_angle.dtype, torch.float32))
    squared = (axis_angle * axis_angle).sum(-1)[:, None, None]
    small = squared < SMALL_SQUARED_ANGLE
    half_angle = squared.masked_fill(small, 1).sqrt() / 2
    half_sine = half_angle.sin()
    # sin(a) / a and (1 - cos(a)) / a^2, both without cancellation.
    sine = torch.where(small, 1 - squared / 6 * (1 - squared / 20),
                       half_sine * half_angle.cos() / half_angle)
    cosine = torch.where(small, (1 - squared / 12 * (1 - squared / 30)) / 2,
                         (half_sine / half_angle).square() / 2)
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    cross_squared = axis_angle[:, :, None] * axis_angle[:, None] - squared * identity
    return identity + sine * cross + cosine * cross_squared


def motion_matrix(axis_angle: Tensor, translation: Tensor) -> Tensor:
    """Return the matrices that rotate a point and then translate it.

    Args:
        axis_angle: (B, 3) radians.
        translation: (B, 3) metres.

    Returns:
        (B, 4, 4), float32 at least.

    Example:
        >>> motion_matrix(torch.zeros(1, 3), torch.tensor([[1., 2., 3.]]))
        tensor([[[1., 0., 0., 1.],
                 [0., 1., 0., 2.],
                 [0., 0., 1., 3.],
                 [0., 0., 0., 1.]]])
    """
    return _join(axis_angle_to_rotation(axis_angle), translation)


def invert_motion(motion: Tensor) -> Tensor:
    """Return the inverse motions, in closed form.

    Args:
        motion: (B, 4, 4) rotation and translation, without scale.

    Returns:
        (B, 4, 4).

    Example:
        >>> motion = motion_matrix(torch.tensor([[0.1, 0.2, 0.3]]), torch.tensor([[1., 2., 3.]]))
        >>> torch.allclose(invert_motion(motion) @ motion, torch.eye(4), atol=1e-6)
        True
    """
    rotation = motion[:, :3, :3].transpose(1, 2)
    # Elementwise, because a matrix product may run in reduced precision.
    return _join(rotation, -(rotation * motion[:, None, :3, 3]).sum(-1))


def _join(rotation: Tensor, translation: Tensor) -> Tensor:
    """Join rotations (B, 3, 3) and translations (B, 3) to matrices (B, 4, 4)."""
    upper = torch.cat([rotation, translation.to(rotation.dtype)[:, :, None]], dim=2)
    bottom = torch.eye(4, dtype=upper.dtype, device=upper.device)[3:].expand(len(upper), 1, 4)
    return torch.cat([upper, bottom], dim=1)
