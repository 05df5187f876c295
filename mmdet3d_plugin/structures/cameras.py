"""Projection by a 3x4 camera matrix and the mirrored camera, on numpy.

Image points are continuous pixels: (0, 0) is the outer corner of the first pixel, and
(width, height) is the outer corner of the last pixel.
"""
import numpy as np


def project(points: np.ndarray, P2: np.ndarray) -> np.ndarray:
    """Project points to the image.

    Args:
        points: (..., 3) camera frame, metres.
        P2: (3, 4) projection of homogeneous points. The divisor is z + P2[2, 3] for
            KITTI's cameras.

    Returns:
        (..., 2) u (right) and v (down), pixels.

    Example:
        >>> P2 = np.array([[700., 0., 600., 0.], [0., 700., 180., 0.], [0., 0., 1., 0.]])
        >>> project(np.array([1., 2., 10.]), P2)
        array([670., 320.])
    """
    homogeneous = points @ P2[:, :3].T + P2[:, 3]
    return homogeneous[..., :2] / homogeneous[..., 2:]


def projected_boxes(corners: np.ndarray, cam2img: np.ndarray,
                    near: float = 0.1) -> np.ndarray:
    """Return the 2D boxes around the projected corners of 3D boxes.

    Args:
        corners: (N, 8, 3) camera frame, metres.
        cam2img: (3 or 4, 4) projection.
        near: smallest depth, metres. The depth of nearer corners is raised to it, so that
            boxes that reach behind the camera stay finite.

    Returns:
        (N, 4) left, top, right, bottom, pixels, not clipped to the image.

    Example:
        >>> P2 = np.array([[700., 0., 600., 0.], [0., 700., 180., 0.], [0., 0., 1., 0.]])
        >>> corners = np.array([[[x, y, z] for x in (-1, 1) for y in (0, 1) for z in (7., 14.)]])
        >>> projected_boxes(corners, P2)
        array([[500., 180., 700., 280.]])
    """
    points = corners.copy()
    points[..., 2] = points[..., 2].clip(min=near)
    uv = project(points, cam2img[:3])
    return np.concatenate([uv.min(axis=1), uv.max(axis=1)], axis=1)


def flip_camera(cam2img: np.ndarray, width: float) -> np.ndarray:
    """Return the camera of the horizontally mirrored image.

    Where ``cam2img`` projects (x, y, z) to (u, v), the returned camera projects (-x, y, z)
    to (width - u, v). Mirroring twice gives the original camera.

    Args:
        cam2img: (3 or 4, 4) projection.
        width: image width, pixels.

    Returns:
        The same shape as ``cam2img``, float64.

    Example:
        >>> P2 = np.array([[700., 0., 600., 0.], [0., 700., 180., 0.], [0., 0., 1., 0.]])
        >>> project(np.array([1., 2., 10.]), P2)
        array([670., 320.])
        >>> project(np.array([-1., 2., 10.]), flip_camera(P2, 1242))
        array([572., 320.])
    """
    mirrored = np.array(cam2img, dtype=np.float64)
    mirrored[0] = width * mirrored[2] - mirrored[0]
    mirrored[:3, 0] *= -1
    return mirrored
