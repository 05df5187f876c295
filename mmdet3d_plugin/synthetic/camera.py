"""KITTI's left colour camera, with projection and one ray per pixel.

Image coordinates are continuous: u is 0 at the left border and ``width`` at the right border.
Pixel i covers [i, i + 1], and its ray goes through i + 0.5.
"""
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from ..structures.cameras import project

KITTI_SIZE = (1242, 375)  # width and height, pixels
KITTI_P2 = np.array([[721.5377, 0., 609.5593, 44.85728],
                     [0., 721.5377, 172.854, .2163791],
                     [0., 0., 1., .002745884]])


@dataclass(frozen=True)
class Camera:
    """Pinhole camera.

    Attributes:
        P2: (3, 4) projection from the rectified camera frame (metres) to pixels.
        width, height: image size, pixels.

    Example:
        >>> camera = kitti_camera()
        >>> camera.project(np.array([[0., 1.65, 20.]])).round(1).tolist()
        [[611.7, 232.4]]
        >>> camera.directions.shape
        (375, 1242, 3)
    """
    P2: np.ndarray
    width: int
    height: int

    @cached_property
    def centre(self) -> np.ndarray:
        """(3,) origin of all rays, camera frame, metres.

        It differs from the origin of the camera frame by the translation of P2.
        """
        return -np.linalg.solve(self.P2[:, :3], self.P2[:, 3])

    @cached_property
    def directions(self) -> np.ndarray:
        """(height, width, 3) float32 ray directions in the camera frame.

        Their z is 1, so that the ray parameter is the depth relative to the centre.
        """
        u, v = np.meshgrid(np.arange(self.width) + .5, np.arange(self.height) + .5)
        pixels = np.stack([u, v, np.ones_like(u)], axis=-1)
        return (pixels @ np.linalg.inv(self.P2[:, :3]).T).astype(np.float32)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Project points in front of the camera to the image.

        Args:
            points: (N, 3) camera frame, metres.

        Returns:
            (N, 2) pixels (u, v).
        """
        return project(points, self.P2)


@lru_cache(maxsize=4)
def kitti_camera(width: int = KITTI_SIZE[0], height: int = KITTI_SIZE[1]) -> Camera:
    """Return KITTI's camera for images resized to ``width`` x ``height`` pixels.

    Cameras are cached, because their ray directions are slow to compute.
    """
    scale = np.diag([width / KITTI_SIZE[0], height / KITTI_SIZE[1], 1.])
    return Camera(scale @ KITTI_P2, width, height)
