"""Waymo's frames and KITTI's: vehicle (x forward, y left, z up), Waymo's camera (the same
axes) and the optical camera frame (x right, y down, z forward)."""
import numpy as np

from ...structures.angles import wrap_angle

# Waymo's camera axes to optical ones.
OPTICAL_FROM_CAMERA = np.array([[0., -1., 0., 0.], [0., 0., -1., 0.], [1., 0., 0., 0.],
                                [0., 0., 0., 1.]])


def optical_from_vehicle(extrinsic: np.ndarray) -> np.ndarray:
    """(4, 4) camera-to-vehicle transform -> (4, 4) vehicle to optical camera frame."""
    return OPTICAL_FROM_CAMERA @ np.linalg.inv(extrinsic)


def camera_boxes(boxes: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Boxes of the vehicle frame in KITTI's convention.

    Args:
        boxes: (N, 7) centre x, y, z, length, width, height, heading; vehicle frame.
        transform: (4, 4) vehicle to optical camera frame.

    Returns:
        (N, 7) x, y, z of the bottom centre, length, height, width in metres and
        rotation_y in radians of the direction that the front looks in; the camera's
        pitch and roll, under which no upright box stays upright, are left out of it.
    """
    bottom = boxes[:, :3] - np.array([0., 0., .5]) * boxes[:, 5:6]
    points = bottom @ transform[:3, :3].T + transform[:3, 3]
    headings = boxes[:, 6]
    front = np.stack([np.cos(headings), np.sin(headings), np.zeros(len(boxes))], axis=1)
    direction = front @ transform[:3, :3].T
    yaws = np.arctan2(-direction[:, 2], direction[:, 0])
    return np.column_stack([points, boxes[:, [3, 5, 4]], yaws])


def vehicle_boxes(boxes: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Inverse of :func:`camera_boxes`."""
    inverse = np.linalg.inv(transform)
    bottom = boxes[:, :3] @ inverse[:3, :3].T + inverse[:3, 3]
    center = bottom + np.array([0., 0., .5]) * boxes[:, 4:5]
    # Of all headings in the vehicle's ground plane, the one that looks the same way in
    # the optical frame's: a linear equation in its cosine and sine.
    cos, sin = np.cos(boxes[:, 6]), np.sin(boxes[:, 6])
    x_row, z_row = transform[0, :2], transform[2, :2]
    along = np.outer(sin, x_row) + np.outer(cos, z_row)  # 0 = along . (cos h, sin h)
    headings = np.arctan2(-along[:, 0], along[:, 1])
    turned = (np.cos(headings) * x_row[0] + np.sin(headings) * x_row[1]) * cos \
        - (np.cos(headings) * z_row[0] + np.sin(headings) * z_row[1]) * sin < 0
    headings = wrap_angle(np.where(turned, headings + np.pi, headings))
    return np.column_stack([center, boxes[:, [3, 5, 4]], headings])
