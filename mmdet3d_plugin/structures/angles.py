"""Angles and rotations about the camera's y axis, on numpy.

Frame and sign of ``rotation_y``: see :mod:`~mmdet3d_plugin.structures.object_table`.
"""
import math
from typing import Tuple

import numpy as np


def wrap_angle(angle):
    """Wrap angles to [-pi, pi).

    Args:
        angle: radians; a number, an array or a torch tensor of any shape.

    Returns:
        The same type and shape.

    Example:
        >>> wrap_angle(math.pi) == -math.pi
        True
    """
    return (angle + math.pi) % (2 * math.pi) - math.pi


def observation_angle(rotation_y: np.ndarray, location: np.ndarray) -> np.ndarray:
    """Return KITTI's alpha: ``rotation_y`` minus the direction of the viewing ray.

    Args:
        rotation_y: (...) radians.
        location: (..., 3 or more) camera frame, metres: x, y, z come first.

    Returns:
        (...) radians in [-pi, pi).

    Example:
        An object 45 degrees to the right of the camera's forward direction:

        >>> alpha = observation_angle(np.array(0.), np.array([10., 1.5, 10.]))
        >>> float(np.degrees(alpha).round(6))
        -45.0
    """
    return wrap_angle(rotation_y - np.arctan2(location[..., 0], location[..., 2]))


def heading_direction(rotation_y: np.ndarray) -> np.ndarray:
    """Return the direction in which an object's front points.

    Args:
        rotation_y: (...) radians.

    Returns:
        (..., 3) unit vectors (cos r, 0, -sin r) in the camera frame.

    Example:
        A quarter turn points towards the camera:

        >>> heading_direction(np.array(np.pi / 2)).round(6) + 0.
        array([ 0.,  0., -1.])
    """
    cos, sin = np.cos(rotation_y), np.sin(rotation_y)
    return np.stack([cos, np.zeros_like(cos), -sin], axis=-1)


def yaw_of_direction(direction: np.ndarray) -> np.ndarray:
    """Return the ``rotation_y`` of a heading, the inverse of :func:`heading_direction`.

    Args:
        direction: (..., 3) vectors of any length in the camera frame. Their y is ignored.

    Returns:
        (...) radians in [-pi, pi].

    Example:
        >>> float(yaw_of_direction(np.array([0., 0., -1.])) / np.pi)
        0.5
    """
    return np.arctan2(-direction[..., 2], direction[..., 0])


def rotate_about_y(x: np.ndarray, z: np.ndarray, angles: np.ndarray
                   ) -> Tuple[np.ndarray, np.ndarray]:
    """Rotate points about the camera's y axis.

    Args:
        x, z: camera-frame coordinates of any shape that broadcasts with ``angles``.
        angles: radians; a quarter turn takes +x to -z, as ``rotation_y`` does.

    Returns:
        x and z of the rotated points.
    """
    cos, sin = np.cos(angles), np.sin(angles)
    return cos * x + sin * z, cos * z - sin * x


def rotation_about_y(angle: float) -> np.ndarray:
    """Return the (3, 3) matrix of :func:`rotate_about_y`, for column vectors (x, y, z).

    Args:
        angle: radians.
    """
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0., sin], [0., 1., 0.], [-sin, 0., cos]])
