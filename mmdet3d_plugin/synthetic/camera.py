"""KITTI's left colour camera: projection and one ray per pixel.

Image coordinates are continuous: u runs from 0 to the width, pixel i covers
[i, i + 1] and its ray goes through i + 0.5.
"""
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from ..structures.cameras import project

KITTI_SIZE = (1242, 375)
KITTI_P2 = np.array([[721.5377, 0., 609.5593, 44.85728],
                     [0., 721.5377, 172.854, .2163791],
                     [0., 0., 1., .002745884]])


@dataclass(frozen=True)
class Camera:
    """A pinhole camera in the rectified camera frame.

    Attributes:
        P2: (3, 4) projection of that frame (metres) to pixels.
        width, height: image size in pixels.
    """
    P2: np.ndarray
    width: int
    height: int

    @cached_property
    def centre(self) -> np.ndarray:
        """(3,) the point that all rays leave from; P2's translation shifts it
        away from the origin."""
        return -np.linalg.solve(self.P2[:, :3], self.P2[:, 3])

    @cached_property
    def directions(self) -> np.ndarray:
        """(height, width, 3) float32 ray directions with z = 1, so that the
        distance along a ray is the depth from the centre."""
        u, v = np.meshgrid(np.arange(self.width) + .5, np.arange(self.height) + .5)
        pixels = np.stack([u, v, np.ones_like(u)], axis=-1)
        return (pixels @ np.linalg.inv(self.P2[:, :3]).T).astype(np.float32)

    def project(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) pixels of (N, 3) points in front of the camera."""
        return project(points, self.P2)


@lru_cache(maxsize=4)
def kitti_camera(width: int = KITTI_SIZE[0], height: int = KITTI_SIZE[1]) -> Camera:
    """KITTI's camera, its image resized to ``width`` x ``height``; kept, for its
    rays take a while to make."""
    scale = np.diag([width / KITTI_SIZE[0], height / KITTI_SIZE[1], 1.])
    return Camera(scale @ KITTI_P2, width, height)
