"""Projection by a 3x4 camera matrix, and its mirror, on numpy."""
import numpy as np


def project(points: np.ndarray, P2: np.ndarray) -> np.ndarray:
    """(..., 3) camera-frame points, metres, to (..., 2) pixels (x, y)."""
    homogeneous = points @ P2[:, :3].T + P2[:, 3]
    return homogeneous[..., :2] / homogeneous[..., 2:]


def projected_boxes(corners: np.ndarray, cam2img: np.ndarray,
                    near: float = 0.1) -> np.ndarray:
    """Boxes around projected corners.

    Args:
        corners: (N, 8, 3) camera frame, metres; those nearer than ``near`` are
            moved to it, so that boxes beside the camera stay finite.
        cam2img: (3 or 4, 4) projection.

    Returns:
        (N, 4) left, top, right, bottom, pixels, not clipped to the image.
    """
    points = corners.copy()
    points[..., 2] = points[..., 2].clip(min=near)
    uv = project(points, cam2img[:3])
    return np.concatenate([uv.min(axis=1), uv.max(axis=1)], axis=1)


def flip_camera(cam2img: np.ndarray, width: float) -> np.ndarray:
    """Camera of the horizontally mirrored image.

    It projects ``(-x, y, z)`` to ``(width - u, v)`` wherever ``cam2img``
    projects ``(x, y, z)`` to ``(u, v)``. Mirroring twice is the identity.

    Args:
        cam2img: (3 or 4, 4) projection.
        width: image width, pixels.
    """
    mirrored = np.array(cam2img, dtype=np.float64)
    mirrored[0] = width * mirrored[2] - mirrored[0]
    mirrored[:3, 0] *= -1
    return mirrored
