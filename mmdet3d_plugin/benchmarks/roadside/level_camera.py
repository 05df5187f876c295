"""Virtual camera that looks level: its y axis is the normal of the ground.

A rotation of the camera about its centre moves pixels by a homography, whatever their depth.
"""
from dataclasses import dataclass
from typing import Tuple

import cv2
import numpy as np

from ...errors import InputError

NEAR = .05  # smallest z of the image's corner rays in the virtual camera, at unit length
STEEPEST = 60.  # degrees
LARGEST = 2.  # largest width and height of the virtual image, relative to the camera's
# Smallest share of the image above the horizon. Black rows are added for less.
ABOVE_HORIZON = .12


@dataclass
class LevelCamera:
    """A virtual camera at the place of a tilted one.

    Attributes:
        rotation: (3, 3) from the tilted camera's frame to the virtual one's.
        camera: (3, 3) matrix of the virtual camera, pixels.
        size: (width, height) of its image, pixels. It shows the whole image of the tilted camera.
        homography: (3, 3) from pixels of the tilted camera to pixels of the virtual one.
    """
    rotation: np.ndarray
    camera: np.ndarray
    size: Tuple[int, int]
    homography: np.ndarray

    def warp(self, image: np.ndarray) -> np.ndarray:
        """Return the image of the virtual camera; black outside the tilted camera's image.

        Args:
            image: (H, W, 3) uint8.
        """
        # OpenCV counts pixels from the centre of the first one.
        half = np.array([[1, 0, .5], [0, 1, .5], [0, 0, 1]])
        return cv2.warpPerspective(image, np.linalg.inv(half) @ self.homography @ half, self.size,
                                   flags=cv2.INTER_LINEAR)

    def moved_boxes(self, boxes: np.ndarray) -> np.ndarray:
        """Return the 2D boxes around the corners of 2D boxes of the tilted camera.

        Args:
            boxes: (N, 4) left, top, right, bottom, pixels.

        Returns:
            (N, 4) clipped to the virtual image, pixels.
        """
        corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
        points = _transformed(self.homography, corners)
        return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1).clip(
            0, np.tile(self.size, 2))


def level_camera(camera: np.ndarray, up: np.ndarray, size: Tuple[int, int],
                 place: str) -> LevelCamera:
    """Return the virtual camera that looks level in the direction of a tilted one.

    Args:
        camera: (3, 3) matrix of the tilted camera, pixels.
        up: (3,) normal of the ground in the tilted camera's frame, away from the ground.
        size: (width, height) of the tilted camera's image, pixels.
        place: file, for messages.

    Raises:
        InputError: the camera looks down too steeply for an image of a level camera.

    Example:
        A camera that looks down by 10 degrees:

        >>> camera = np.array([[1000., 0., 90.], [0., 1000., 90.], [0., 0., 1.]])
        >>> up = np.array([0., -np.cos(np.pi / 18), -np.sin(np.pi / 18)])
        >>> level = level_camera(camera, up, (180, 180), 'a.json')
        >>> np.allclose(level.rotation @ up, [0, -1, 0]), level.size
        (True, (186, 308))
    """
    down = -up / np.linalg.norm(up)
    tilt = np.degrees(np.arccos(np.clip(down[1], -1, 1)))
    if tilt > STEEPEST:
        raise InputError(_too_steep(place, tilt))
    forward = np.array([0., 0., 1.]) - down[2] * down
    forward /= np.linalg.norm(forward)
    rotation = np.stack([np.cross(down, forward), down, forward])
    width, height = size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    rays = np.column_stack([corners, np.ones(4)]) @ (rotation @ np.linalg.inv(camera)).T
    if (rays[:, 2] / np.linalg.norm(rays, axis=1) < NEAR).any():
        raise InputError(_too_steep(place, tilt))
    points = _transformed(camera @ rotation @ np.linalg.inv(camera), corners)
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))
    # With low[1] = top, the horizon is at camera[1, 2] - top of high[1] - top rows.
    low[1] = min(low[1], np.floor((camera[1, 2] - ABOVE_HORIZON * high[1]) / (1 - ABOVE_HORIZON)))
    extent = (high - low).astype(int)
    if (extent > LARGEST * np.array(size)).any():
        raise InputError(_too_steep(place, tilt))
    shift = np.array([[1, 0, -low[0]], [0, 1, -low[1]], [0, 0, 1]])
    return LevelCamera(rotation, shift @ camera, (int(extent[0]), int(extent[1])),
                       shift @ camera @ rotation @ np.linalg.inv(camera))


def _too_steep(place: str, tilt: float) -> str:
    return (f'{place}: the camera is tilted by {tilt:.0f} degrees against the ground, too much '
            'for an image of a level camera; correct it, or convert with --keep-tilt')


def _transformed(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Apply a homography to (..., 2) points."""
    moved = points @ homography[:, :2].T + homography[:, 2]
    return moved[..., :2] / moved[..., 2:]
