"""3D boxes on the camera image, as wireframes with a tinted front face."""
from typing import Optional

import numpy as np

from ..structures.boxes import corners_3d
from ..structures.cameras import project
from ..structures.object_table import DONT_CARE, ObjectTable
from .colors import class_color
from .primitives import blend_polygon, draw_segments, draw_text, text_size

NEAR_PLANE = 0.1  # metres; parts of boxes nearer to the camera are cut off
FRONT_FACE = (0, 1, 5, 4)  # corners, as numbered by corners_3d
EDGES = np.array([(0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4),
                  (0, 4), (1, 5), (2, 6), (3, 7)])

_CLIP_MARGIN = 50.  # pixels; lines are cut this far outside of the image
_FRONT_OPACITY = 0.22
_HEIGHT_PER_LINE_WIDTH = 25.  # pixels of box height per pixel of line width
_SCORE_TEXT = '#101418'
_SCORE_PADDING = 3  # pixels
_SCORE_OPACITY = 0.85


def view_planes(P2: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return the planes that bound the part of the scene that the camera sees.

    The near plane is at ``NEAR_PLANE``. The other planes go through the image borders, moved
    outwards by a margin for thick lines.

    Args:
        P2: (3, 4) projection from the camera frame (metres) to pixels.
        width, height: image size, pixels.

    Returns:
        (5, 4) planes: near, left, right, top, bottom. A point p of the camera frame is on the
        inner side of a plane if ``plane[:3] @ p + plane[3] >= 0``.
    """
    right, down, depth = P2
    return np.stack([
        np.array([0., 0., 1., -NEAR_PLANE]),
        right + _CLIP_MARGIN * depth, (width + _CLIP_MARGIN) * depth - right,
        down + _CLIP_MARGIN * depth, (height + _CLIP_MARGIN) * depth - down])


def clip_segments(segments: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """Cut line segments at planes.

    Args:
        segments: (S, 2, 3) end points, camera frame, metres.
        planes: (K, 4), as returned by :func:`view_planes`.

    Returns:
        (T, 2, 3) parts on the inner side of all planes. Segments outside are left out, so
        T <= S.

    Example:
        >>> near_plane = np.array([[0., 0., 1., -.1]])
        >>> segment = np.array([[(0., 0., -1.), (0., 0., 3.)]])
        >>> clip_segments(segment, near_plane).round(3).tolist()
        [[[0.0, 0.0, 0.1], [0.0, 0.0, 3.0]]]
    """
    start, end = np.moveaxis(segments @ planes[:, :3].T + planes[:, 3], 1, 0)
    with np.errstate(divide='ignore', invalid='ignore'):
        crossing = start / (start - end)
    enter = np.where(start < 0, np.where(end < 0, np.inf, crossing), 0.).max(axis=1)
    leave = np.where(end < 0, np.where(start < 0, -np.inf, crossing), 1.).min(axis=1)
    seen = enter < leave
    origin, direction = segments[seen, 0], segments[seen, 1] - segments[seen, 0]
    return np.stack([origin + enter[seen, None] * direction,
                     origin + leave[seen, None] * direction], axis=1)


def clip_polygon(points: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """Cut a convex polygon at planes (Sutherland-Hodgman).

    Args:
        points: (P, 3) corners in order around the polygon, camera frame, metres.
        planes: (K, 4), as returned by :func:`view_planes`.

    Returns:
        (Q, 3) corners of the part on the inner side of all planes; (0, 3) if there is none.
    """
    for plane in planes:
        signed = points @ plane[:3] + plane[3]
        kept = []
        for distance, next_distance, point, next_point in zip(
                signed, np.roll(signed, -1), points, np.roll(points, -1, axis=0)):
            if distance >= 0:
                kept.append(point)
            if (distance >= 0) != (next_distance >= 0):
                share = distance / (distance - next_distance)
                kept.append(point + share * (next_point - point))
        points = np.array(kept).reshape(-1, 3)
    return points


def draw_boxes_3d(image: np.ndarray, objects: ObjectTable, P2: np.ndarray,
                  color: Optional[str] = None, thickness: int = 2) -> np.ndarray:
    """Draw objects as wireframes with a tinted front face, far objects first.

    Scores are written above the boxes if the objects have scores. DontCare regions and parts
    behind the camera are not drawn.

    Args:
        image: (H, W, 3) uint8, BGR; not changed.
        objects: N objects in the camera frame.
        P2: (3, 4) projection from the camera frame (metres) to pixels of ``image``.
        color: ``'#rrggbb'`` of all boxes; None gives each box the colour of its class.
        thickness: line width, pixels; lines of small boxes are thinner.

    Returns:
        (H, W, 3) uint8, BGR.

    Example:
        >>> P2 = np.array([[100., 0., 100., 0.], [0., 100., 50., 0.], [0., 0., 1., 0.]])
        >>> row = [0, 0, 0, 0, 0, 9, 9, 1.5, 1.6, 4., 0., 1., 10., 0]
        >>> car = ObjectTable.from_table(['Car'], np.array([row]))
        >>> image = np.zeros((100, 200, 3), np.uint8)
        >>> drawn = draw_boxes_3d(image, car, P2)
        >>> drawn.shape, bool(drawn.any()), bool(image.any())
        ((100, 200, 3), True, False)
    """
    canvas = image.copy()
    planes = view_planes(P2, image.shape[1], image.shape[0])
    objects = objects[objects.names != DONT_CARE]
    corners = corners_3d(objects)
    for index in np.argsort(-objects.locations[:, 2], kind='stable'):
        box_color = color or class_color(str(objects.names[index]))
        segments = clip_segments(corners[index][EDGES], planes)
        if not len(segments):
            continue
        front = clip_polygon(corners[index][list(FRONT_FACE)], planes)
        if len(front):
            blend_polygon(canvas, project(front, P2), box_color, _FRONT_OPACITY)
        lines = project(segments, P2)
        height = np.ptp(lines[..., 1])
        draw_segments(canvas, lines, box_color,
                      int(np.clip(height / _HEIGHT_PER_LINE_WIDTH, 1, thickness)))
        if objects.scores is not None:
            anchor = lines.reshape(-1, 2).min(axis=0)
            _draw_score(canvas, objects.scores[index], anchor, box_color, thickness)
    return canvas


def _draw_score(image: np.ndarray, score: float, anchor: np.ndarray, color: str,
                thickness: int) -> None:
    """Write the score on a filled rectangle above the top left corner of a box.

    The rectangle is moved into the image if it would lie outside.
    """
    text, letter_height = f'{score:.2f}', 6 + 2 * thickness
    width, height = np.array(text_size(text, letter_height)) + 2 * _SCORE_PADDING
    left = int(np.clip(anchor[0], 0, max(image.shape[1] - width, 0)))
    bottom = int(np.clip(anchor[1] - thickness, height, image.shape[0]))
    rectangle = np.array([(left, bottom - height), (left + width, bottom - height),
                          (left + width, bottom), (left, bottom)])
    blend_polygon(image, rectangle, color, _SCORE_OPACITY)
    draw_text(image, text, (left + _SCORE_PADDING, bottom - _SCORE_PADDING), _SCORE_TEXT,
              letter_height)
