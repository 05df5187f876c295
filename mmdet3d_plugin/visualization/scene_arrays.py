"""Lines, planes and points of a 3D scene as arrays, for a viewer."""
from typing import Tuple

import numpy as np

from ..structures.boxes import corners_3d
from ..structures.object_table import ObjectTable
from .boxes_on_image import EDGES
from .colors import class_color, to_bgr
from .frame_entries import MAX_CELLS, depth_grid

MAX_STEPS = 1000  # of a line drawn as points


def box_segments(objects: ObjectTable) -> Tuple[np.ndarray, np.ndarray]:
    """Return the edges of 3D boxes and a line along the heading of each.

    Args:
        objects: N objects.

    Returns:
        (13 N, 2, 3) end points in the camera frame, metres, and (13 N, 2, 3) uint8 RGB colours of
        the classes.

    Example:
        >>> row = [0, 0, 0, 0, 0, 9, 9, 1.5, 2, 4, 0, 1.5, 10, 0]
        >>> segments, colors = box_segments(ObjectTable.from_table(['Car'], [row]))
        >>> segments.shape, segments[12].tolist()
        ((13, 2, 3), [[0.0, 1.5, 10.0], [2.0, 1.5, 10.0]])
    """
    corners = corners_3d(objects)
    front = corners[:, :2].mean(axis=1)
    headings = np.stack([objects.locations, front], axis=1)[:, None]
    segments = np.concatenate([corners[:, EDGES], headings], axis=1)
    colors = np.array([to_bgr(class_color(str(name)))[::-1] for name in objects.names],
                      np.uint8).reshape(-1, 1, 1, 3)
    return segments.reshape(-1, 2, 3), np.broadcast_to(colors, segments.shape).reshape(-1, 2, 3)


def line_points(segments: np.ndarray, colors: np.ndarray, spacing: float
                ) -> Tuple[np.ndarray, np.ndarray]:
    """Return points on line segments, both ends included.

    Args:
        segments: (N, 2, 3) end points, metres.
        colors: (N, 2, 3) colours of the end points. The first one is used.
        spacing: largest distance of neighbouring points, metres. Points of segments longer than
            ``MAX_STEPS`` spacings are further apart.

    Returns:
        (M, 3) points, metres, and (M, 3) their colours.

    Example:
        >>> segments = np.array([[[0., 0., 5.], [1., 0., 5.]]])
        >>> line_points(segments, np.zeros((1, 2, 3), np.uint8), .5)[0].tolist()
        [[0.0, 0.0, 5.0], [0.5, 0.0, 5.0], [1.0, 0.0, 5.0]]
    """
    starts, vectors = segments[:, 0], segments[:, 1] - segments[:, 0]
    steps = np.clip(np.ceil(np.linalg.norm(vectors, axis=1) / spacing), 1, MAX_STEPS).astype(int)
    index = np.repeat(np.arange(len(segments)), steps + 1)
    firsts = np.cumsum(steps + 1) - (steps + 1)
    shares = (np.arange(len(index)) - firsts[index]) / steps[index]
    return starts[index] + shares[:, None] * vectors[index], colors[index, 0]


def unprojected(pixels: np.ndarray, depths: np.ndarray, P2: np.ndarray) -> np.ndarray:
    """Return the points at given depths that project to pixels.

    Args:
        pixels: (..., 2) u and v, pixels.
        depths: (...) z in the camera frame, metres.
        P2: (3, 4) projection whose last row begins with 0, 0, 1.

    Returns:
        (..., 3) camera frame, metres.

    Example:
        >>> P2 = np.array([[700., 0., 600., 0.], [0., 700., 180., 0.], [0., 0., 1., 0.]])
        >>> unprojected(np.array([670., 320.]), np.array(10.), P2).tolist()
        [1.0, 2.0, 10.0]
    """
    homogeneous = pixels * (depths + P2[2, 3])[..., None]
    known = depths[..., None] * P2[:2, 2] + P2[:2, 3]
    flat = np.linalg.solve(P2[:2, :2], (homogeneous - known)[..., None])[..., 0]
    return np.concatenate([flat, depths[..., None]], axis=-1)


def image_plane(size: Tuple[int, int], distance: float, P2: np.ndarray
                ) -> Tuple[np.ndarray, np.ndarray]:
    """Return the corners of the image on its plane, and the lines of the camera's frustum.

    Args:
        size: (width, height) of the image, pixels.
        distance: depth of the plane, metres.
        P2: (3, 4) projection.

    Returns:
        (4, 3) corners: top left, top right, bottom right, bottom left; and (8, 2, 3) lines.
    """
    corners = unprojected(np.array([(0., 0.), (1., 0.), (1., 1.), (0., 1.)]) * size,
                          np.full(4, float(distance)), P2)
    apex = unprojected(np.zeros(2), np.array(-P2[2, 3]), P2)
    rays = np.stack([np.broadcast_to(apex, corners.shape), corners], axis=1)
    border = np.stack([corners, np.roll(corners, -1, axis=0)], axis=1)
    return corners, np.concatenate([rays, border])


def depth_points(depth: np.ndarray, image: np.ndarray, P2: np.ndarray,
                 max_points: int = MAX_CELLS) -> Tuple[np.ndarray, np.ndarray]:
    """Return the points of a depth map, in the colours of the image.

    Args:
        depth: (H, W), metres, 0 where unknown.
        image: (H, W, 3) uint8, BGR.
        P2: (3, 4) projection.
        max_points: largest number of points; a larger map is reduced to a grid.

    Returns:
        (N, 3) camera frame, metres, and (N, 3) uint8, RGB.

    Example:
        >>> P2 = np.array([[700., 0., 1., 0.], [0., 700., .5, 0.], [0., 0., 1., 0.]])
        >>> points, _ = depth_points(np.array([[0., 7.]]), np.zeros((1, 2, 3), np.uint8), P2)
        >>> points.round(3).tolist()
        [[0.005, 0.0, 7.0]]
    """
    grid = depth_grid(depth, max_points)
    height, width = depth.shape
    rows, columns = np.nonzero(grid)
    pixels = np.stack([(columns + .5) * width / grid.shape[1],
                       (rows + .5) * height / grid.shape[0]], axis=-1)
    u, v = pixels.astype(int).T
    return unprojected(pixels, grid[rows, columns], P2), image[v, u, ::-1]
