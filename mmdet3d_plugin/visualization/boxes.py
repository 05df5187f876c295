"""3D boxes, drawn on the camera image as wireframes with the front face tinted."""
from typing import Optional

import numpy as np

from ..structures.boxes import corners_3d
from ..structures.cameras import project
from ..structures.object_table import DONT_CARE, ObjectTable
from .colors import class_color
from .drawing import blend_polygon, draw_segments, draw_text, text_size

NEAR_PLANE = 0.1  # metres; what lies nearer to the camera is cut away
FRONT_FACE = (0, 1, 5, 4)
EDGES = np.array([(0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4),
                  (0, 4), (1, 5), (2, 6), (3, 7)])

_CLIP_MARGIN = 50.  # pixels around the image that are still drawn, for thick lines
_FRONT_OPACITY = 0.22
_HEIGHT_PER_LINE_WIDTH = 25.  # pixels; keeps far objects visible behind their lines
_LABEL_TEXT = '#101418'
_LABEL_PADDING = 3  # pixels

def view_planes(P2: np.ndarray, width: int, height: int) -> np.ndarray:
    """Half-spaces whose intersection the camera sees, a little beyond its image.

    Returns:
        (5, 4): a point p of the camera frame is inside a half-space if
        ``plane[:3] @ p + plane[3] >= 0``. The first is the near plane.
    """
    right, down, depth = P2
    return np.stack([
        np.array([0., 0., 1., -NEAR_PLANE]),
        right + _CLIP_MARGIN * depth, (width + _CLIP_MARGIN) * depth - right,
        down + _CLIP_MARGIN * depth, (height + _CLIP_MARGIN) * depth - down])


def clip_segments(segments: np.ndarray, planes: np.ndarray) -> np.ndarray:
    """The parts of (S, 2, 3) segments inside all half-spaces, (at most S, 2, 3)."""
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
    """The part of a convex (P, 3) polygon inside all half-spaces, maybe (0, 3)."""
    for plane in planes:
        signed = points @ plane[:3] + plane[3]
        kept = []
        for here, there, point, following in zip(
                signed, np.roll(signed, -1), points, np.roll(points, -1, axis=0)):
            if here >= 0:
                kept.append(point)
            if (here >= 0) != (there >= 0):
                kept.append(point + here / (here - there) * (following - point))
        points = np.array(kept).reshape(-1, 3)
    return points


def draw_boxes_3d(image: np.ndarray, objects: ObjectTable, P2: np.ndarray,
                  color: Optional[str] = None, thickness: int = 2) -> np.ndarray:
    """Draws the objects as wireframes, far ones first, the front face tinted.

    Objects that carry scores are labelled with them. DontCare regions, and what
    lies behind the camera, are not drawn.

    Args:
        image: (H, W, 3) uint8, BGR; left as it is.
        P2: (3, 4) projection to this image's pixels.
        color: one ``'#rrggbb'`` for all; by default the colour of each class.
        thickness: of the lines, pixels; those of small boxes are thinner.

    Returns:
        (H, W, 3) uint8, BGR.
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
    """A small plate above the top left of a box, moved into the image if need be."""
    text, letter_height = f'{score:.2f}', 6 + 2 * thickness
    width, height = np.array(text_size(text, letter_height)) + 2 * _LABEL_PADDING
    left = int(np.clip(anchor[0], 0, max(image.shape[1] - width, 0)))
    bottom = int(np.clip(anchor[1] - thickness, height, image.shape[0]))
    plate = np.array([(left, bottom - height), (left + width, bottom - height),
                      (left + width, bottom), (left, bottom)])
    blend_polygon(image, plate, color, 0.85)
    draw_text(image, text, (left + _LABEL_PADDING, bottom - _LABEL_PADDING), _LABEL_TEXT,
              letter_height)
