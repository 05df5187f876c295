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
