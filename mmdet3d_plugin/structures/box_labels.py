"""Labels of objects from their 3D boxes: 2D boxes, truncations and observation angles."""
from typing import Sequence, Tuple

import numpy as np

from .angles import observation_angle, wrap_angle
from .boxes import corners_3d
from .cameras import projected_boxes
from .object_table import ObjectTable


def labels_of_boxes(names: Sequence[str], locations: Sequence[Sequence[float]],
                    sizes_hwl: Sequence[Sequence[float]], rotations_y: Sequence[float],
                    camera: np.ndarray, image_size: Tuple[int, int]) -> ObjectTable:
    """Complete 3D boxes to labels.

    The 2D box is the projection of the 3D box, clipped to the image. The truncation is the share
    of the projection outside the image. The occlusion is 0.

    Args:
        names: N class names.
        locations: (N, 3) bottom centres, camera frame, metres.
        sizes_hwl: (N, 3) height, width, length, metres.
        rotations_y: (N,) rotations about the camera's y axis, radians.
        camera: (3, 3), (3, 4) or (4, 4) projection, pixels.
        image_size: (width, height), pixels.

    Returns:
        The N objects. An object outside the image, or with its centre behind the camera, has a 2D
        box without area and the truncation 1; :func:`in_image` selects the others.

    Example:
        >>> camera = np.array([[800., 0., 480.], [0., 800., 270.], [0., 0., 1.]])
        >>> labels = labels_of_boxes(['Forklift'], [[0., 1., 9.]], [[2., 1., 2.]], [0.], camera,
        ...                          (960, 540))
        >>> labels.boxes_2d.round(1).tolist(), float(labels.truncations[0])
        ([[385.9, 175.9, 574.1, 364.1]], 0.0)
    """
    count = len(names)
    zeros = np.zeros(count)
    objects = ObjectTable(
        names=np.asarray(names, dtype=str), truncations=zeros,
        occlusions=np.zeros(count, dtype=np.int64), alphas=zeros, boxes_2d=np.zeros((count, 4)),
        sizes_hwl=np.asarray(sizes_hwl, dtype=np.float64).reshape(count, 3),
        locations=np.asarray(locations, dtype=np.float64).reshape(count, 3),
        rotations_y=wrap_angle(np.asarray(rotations_y, dtype=np.float64).reshape(count)))
    objects.alphas = observation_angle(objects.rotations_y, objects.locations)
    whole = projected_boxes(corners_3d(objects), projection_matrix(camera))
    whole[objects.locations[:, 2] <= 0] = 0.
    objects.boxes_2d = whole.clip(0, np.tile(image_size, 2))
    area = np.prod(whole[:, 2:] - whole[:, :2], axis=1)
    inside = np.prod(objects.boxes_2d[:, 2:] - objects.boxes_2d[:, :2], axis=1)
    objects.truncations = 1 - inside / np.where(area > 0, area, 1.)
    return objects


def in_image(objects: ObjectTable) -> np.ndarray:
    """Return which 2D boxes have an area: (N,) bool."""
    return (objects.boxes_2d[:, 2:] > objects.boxes_2d[:, :2]).all(axis=1)


def projection_matrix(camera: np.ndarray) -> np.ndarray:
    """Return a camera as (3, 4) projection.

    Args:
        camera: (3, 3), (3, 4) or (4, 4) matrix, pixels.

    Example:
        >>> projection_matrix(np.eye(3))[:, 3].tolist()
        [0.0, 0.0, 0.0]
    """
    camera = np.asarray(camera, dtype=np.float64)
    return np.hstack([camera, np.zeros((3, 1))]) if camera.shape == (3, 3) else camera[:3]
