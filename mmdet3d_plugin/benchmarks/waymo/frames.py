"""Conversion between Waymo's vehicle frame and the camera frame.

- Vehicle frame: x forward, y left, z up. Waymo's camera frame has the same axes.
- Camera frame (optical): x right, y down, z forward; see
  :mod:`~mmdet3d_plugin.structures.object_table`.
"""
import numpy as np

from ...structures.angles import heading_direction, wrap_angle, yaw_of_direction
from ..kitti.labels import LIMIT

ROTATION_TOLERANCE = 1e-3
# Waymo's camera frame to the optical camera frame.
OPTICAL_FROM_CAMERA = np.array([[0., -1., 0., 0.], [0., 0., -1., 0.], [1., 0., 0., 0.],
                                [0., 0., 0., 1.]])


def is_rigid(transform: np.ndarray) -> bool:
    """Return whether a transform is a rotation and a translation of finite length.

    Args:
        transform: (4, 4) transform of homogeneous points, metres.

    Example:
        >>> is_rigid(np.eye(4)), is_rigid(np.diag([1., 1., -1., 1.])), is_rigid(2 * np.eye(4))
        (True, False, False)
    """
    if not (np.abs(transform) <= LIMIT).all():  # NaN too
        return False
    rotation = transform[:3, :3]
    return bool(np.allclose(rotation @ rotation.T, np.eye(3), rtol=0, atol=ROTATION_TOLERANCE)
                and np.linalg.det(rotation) > 0
                and np.allclose(transform[3], [0, 0, 0, 1], rtol=0, atol=ROTATION_TOLERANCE))


def optical_from_vehicle(extrinsic: np.ndarray) -> np.ndarray:
    """Return the transform from the vehicle frame to the optical camera frame.

    Args:
        extrinsic: (4, 4) Waymo's camera frame to the vehicle frame.

    Returns:
        (4, 4) transform of homogeneous points, metres.
    """
    return OPTICAL_FROM_CAMERA @ np.linalg.inv(extrinsic)


def camera_boxes(boxes: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Convert boxes from the vehicle frame to the camera frame.

    ``rotation_y`` is the direction of the heading in the camera's x-z plane. It does not
    contain the camera's pitch and roll, although a pitched or rolled camera sees no box
    upright.

    Args:
        boxes: (N, 7) centre x, y, z, length, width, height in metres and heading in
            radians, vehicle frame.
        transform: (4, 4) vehicle frame to optical camera frame.

    Returns:
        (N, 7) x, y, z of the bottom centre, length, height, width in metres and rotation_y
        in radians, camera frame.

    Example:
        A level camera at the vehicle's origin sees a car 10 m ahead from behind:

        >>> box = np.array([[10., 0., 1., 4., 2., 1.5, 0.]])
        >>> (camera_boxes(box, optical_from_vehicle(np.eye(4))) + 0.).round(3)
        array([[ 0.   , -0.25 , 10.   ,  4.   ,  1.5  ,  2.   , -1.571]])
    """
    bottom = boxes[:, :3] - np.array([0., 0., .5]) * boxes[:, 5:6]
    points = bottom @ transform[:3, :3].T + transform[:3, 3]
    headings = boxes[:, 6]
    front = np.stack([np.cos(headings), np.sin(headings), np.zeros(len(boxes))], axis=1)
    yaws = yaw_of_direction(front @ transform[:3, :3].T)
    return np.column_stack([points, boxes[:, [3, 5, 4]], yaws])


def vehicle_boxes(boxes: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Convert boxes from the camera frame to the vehicle frame.

    This is the inverse of :func:`camera_boxes`; the arguments and the result are swapped.
    """
    inverse = np.linalg.inv(transform)
    bottom = boxes[:, :3] @ inverse[:3, :3].T + inverse[:3, 3]
    center = bottom + np.array([0., 0., .5]) * boxes[:, 4:5]
    # Find the heading h in the vehicle's ground plane that has the direction (cos, -sin) of
    # rotation_y in the camera's x-z plane: a linear equation in (cos h, sin h).
    cos, _, minus_sin = heading_direction(boxes[:, 6]).T
    x_row, z_row = transform[0, :2], transform[2, :2]
    normal = np.outer(-minus_sin, x_row) + np.outer(cos, z_row)  # 0 = normal . (cos h, sin h)
    headings = np.arctan2(-normal[:, 0], normal[:, 1])
    opposite = (np.cos(headings) * x_row[0] + np.sin(headings) * x_row[1]) * cos \
        + (np.cos(headings) * z_row[0] + np.sin(headings) * z_row[1]) * minus_sin < 0
    headings = wrap_angle(np.where(opposite, headings + np.pi, headings))
    return np.column_stack([center, boxes[:, [3, 5, 4]], headings])
