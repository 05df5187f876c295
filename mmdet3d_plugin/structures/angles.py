"""Angles of objects, apart from torch: processes that render or convert do without it."""
import math

import numpy as np


def wrap_angle(angle):
    """Wraps radians to [-pi, pi); any shape, numbers, numpy or torch."""
    return (angle + math.pi) % (2 * math.pi) - math.pi


def observation_angle(rotation_y: np.ndarray, location: np.ndarray) -> np.ndarray:
    """KITTI's alpha: rotation_y (...) less the viewing direction of the location
    (..., 3) in the camera frame; radians in [-pi, pi)."""
    return wrap_angle(rotation_y - np.arctan2(location[..., 0], location[..., 2]))


def rotate_about_y(x: np.ndarray, z: np.ndarray, angles: np.ndarray):
    """Coordinates (x, z) after a rotation about the camera's y axis, with KITTI's sign.

    Args:
        x, z: coordinates in the ground plane, any shape that broadcasts with ``angles``.
        angles: radians; a quarter turn takes +x to -z.
    """
    cos, sin = np.cos(angles), np.sin(angles)
    return cos * x + sin * z, cos * z - sin * x


def rotation_about_y(angle: float) -> np.ndarray:
    """(3, 3) rotation about the camera's y axis, with KITTI's sign."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0., sin], [0., 1., 0.], [-sin, 0., cos]])
