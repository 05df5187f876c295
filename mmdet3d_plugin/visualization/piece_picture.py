"""Picture of one linear piece of an embedding, in its plane."""
from typing import Dict, Mapping, NamedTuple, Sequence

import cv2
import numpy as np
from matplotlib.ticker import MaxNLocator

from .color_scales import UNKNOWN_COLOR, ColorScale, off_piece_scale
from .colors import PANEL_BACKGROUND, PANEL_TEXT, RIGHT_COLOR, to_bgr
from .panel_header import panel_header
from .primitives import cut_text, draw_segments, draw_text, text_size
from .thumbnails import CLASS_LEGEND, class_frame, thumbnail

PIECE_FILE = 'piece.png'
WIDTH, HEIGHT = 1240, 760  # pixels of the plane
HEADER, FOOTER = 44, 56  # pixels
THUMBNAIL = 68  # pixels, frame included
_MARGIN = 70  # pixels between the points and the edge
_DOT, _MEMBER_DOT = 5, 6  # radius, pixels
_LETTER = 9  # pixels
_LEGEND_ROOM = 560  # pixels at the right of the header
_RING_COLOR, _RING_TEXT = '#252d36', '#7d8894'
_MAX_RINGS = 6
_COVER_COST = 12  # pixels of distance to which a covered dot corresponds
_ANCHOR = -1
OFF_NOTE = 'orthogonal distance to the piece'
RING_NOTE = 'rings: distance to the anchor in the plane'


class PlaneView(NamedTuple):
    """Mapping of the piece's plane to pixels.

    Attributes:
        scale: pixels per unit of distance, the same in both directions.
        origin: (x, y) of the anchor, pixels.
    """
    scale: float
    origin: np.ndarray

    def pixels(self, coordinates: np.ndarray) -> np.ndarray:
        """Convert coordinates (N, 2) to pixels (x, y); the second axis points upwards."""
        return self.origin + self.scale * coordinates * (1, -1)

    @classmethod
    def fitting(cls, coordinates: np.ndarray) -> 'PlaneView':
        """Return the view that shows the anchor and all points as large as possible.

        Args:
            coordinates: (N, 2).

        Example:
            >>> view = PlaneView.fitting(np.array([[1., 0.], [-1., .1]]))
            >>> view.scale, view.pixels(np.array([[1., 0.]]))[0, 0]
            (550.0, 1170.0)
        """
        points = np.vstack([np.zeros((1, 2)), coordinates])
        low, high = points.min(axis=0), points.max(axis=0)
        room = np.array([WIDTH, HEIGHT]) - 2 * _MARGIN
        span = high - low
        scale = float(np.min(room / np.where(span > 0, span, np.inf), where=span > 0,
                             initial=np.inf))
        scale = scale if np.isfinite(scale) else 1.
        origin = np.array([WIDTH, HEIGHT]) / 2 - scale * (low + high) / 2 * (1, -1)
        return cls(scale, origin)


def piece_picture(anchor: np.ndarray, coordinates: np.ndarray, orthogonal: np.ndarray,
                  is_member: np.ndarray, right: np.ndarray, thumbnails: Mapping[int, np.ndarray],
                  title: str = '') -> np.ndarray:
    """Draw a linear piece in the plane of its first two directions.

    The anchor is the white dot at the origin. Rings show the distance to it inside the plane.
    Every other point is a dot, coloured by its orthogonal distance to the piece. Members have a
    thick ring in green (class of the anchor) or red, other points of the anchor's class a thin
    green one. A line connects a thumbnail to its dot.

    Args:
        anchor: (h, w, 3) uint8 BGR image of the anchor.
        coordinates: (N, 2) of the other points relative to the anchor, along the first two
            directions of the piece.
        orthogonal: (N,) distances of the points to the piece.
        is_member: (N,) bool, whether a point belongs to the piece.
        right: (N,) bool, whether a point has the class of the anchor.
        thumbnails: images such as ``anchor`` of members, by index. A thumbnail without a free
            place is left out.
        title: text at the left of the header.

    Returns:
        (H, W, 3) uint8, BGR.

    Example:
        >>> image = np.full((32, 32, 3), 90, np.uint8)
        >>> points = np.array([[.3, .1], [-.2, .2], [.05, 0.]])
        >>> member = np.array([True, True, False])
        >>> piece_picture(image, points, np.array([.1, .1, .6]), member,
        ...               np.array([True, False, False]), {0: image, 1: image}).shape
        (860, 1240, 3)
    """
    canvas = np.full((HEIGHT, WIDTH, 3), to_bgr(PANEL_BACKGROUND), dtype=np.uint8)
    view = PlaneView.fitting(coordinates)
    pixels = view.pixels(coordinates)
    _draw_rings(canvas, view, np.linalg.norm(coordinates, axis=1).max(initial=0.))
    scale = off_piece_scale(max(float(orthogonal.max(initial=0.)), 1e-9))
    colors = scale.colors(orthogonal[None], np.ones((1, len(orthogonal)), dtype=bool))[0]
    pictures = {_ANCHOR: thumbnail(anchor, THUMBNAIL, PANEL_TEXT)}
    for index in sorted(thumbnails, key=lambda index: np.linalg.norm(coordinates[index])):
        pictures[index] = thumbnail(thumbnails[index], THUMBNAIL, class_frame(right[index]))
    ends = {index: view.origin if index == _ANCHOR else pixels[index] for index in pictures}
    places = _places(ends, np.vstack([pixels[is_member], view.origin]), pixels[~is_member])
    for index, place in places.items():
        color = PANEL_TEXT if index == _ANCHOR else class_frame(right[index])
        draw_segments(canvas, np.array([[ends[index], place]]), color)
    # Members and the anchor are drawn last, on top of the others.
    for index in np.lexsort((-orthogonal, is_member)):
        ring = class_frame(right[index]) if is_member[index] else (
            RIGHT_COLOR if right[index] else UNKNOWN_COLOR)
        _draw_dot(canvas, pixels[index], colors[index].tolist(), ring, bool(is_member[index]))
    _draw_dot(canvas, view.origin, to_bgr(PANEL_TEXT), PANEL_TEXT, True)
    for index, place in places.items():
        corner = np.rint(place - THUMBNAIL / 2).astype(int)
        canvas[corner[1]:corner[1] + THUMBNAIL, corner[0]:corner[0] + THUMBNAIL] = (
            pictures[index])
    title = cut_text(title, WIDTH - _LEGEND_ROOM, .36 * HEADER)
    legend = {'anchor': PANEL_TEXT, **CLASS_LEGEND}
    return np.vstack([panel_header(WIDTH, HEADER, title, legend), canvas, _footer(scale)])


def _draw_rings(canvas: np.ndarray, view: PlaneView, reach: float) -> None:
    """Draw circles around the anchor at round distances, with their labels."""
    if reach <= 0:
        return
    center = tuple(int(value) for value in np.rint(view.origin))
    for radius in MaxNLocator(_MAX_RINGS, steps=(1, 2, 5, 10)).tick_values(0, reach):
        if radius <= 0:
            continue
        cv2.circle(canvas, center, round(radius * view.scale), to_bgr(_RING_COLOR), 1,
                   cv2.LINE_AA)
        label = f'{radius:.3g}'
        draw_text(canvas, label, (center[0] - text_size(label, _LETTER)[0] / 2,
                                  center[1] + radius * view.scale - 4), _RING_TEXT, _LETTER)


def _draw_dot(canvas: np.ndarray, point: np.ndarray, color: Sequence[int], ring: str,
              is_member: bool) -> None:
    center = tuple(int(value) for value in np.rint(point))
    radius = _MEMBER_DOT if is_member else _DOT
    cv2.circle(canvas, center, radius, color, -1, cv2.LINE_AA)
    cv2.circle(canvas, center, radius, to_bgr(ring), 2 if is_member else 1, cv2.LINE_AA)


def _places(ends: Dict[int, np.ndarray], kept_free: np.ndarray, others: np.ndarray
            ) -> Dict[int, np.ndarray]:
    """Return the centres of thumbnails, near their points, by index.

    A thumbnail lies on the canvas and covers neither another one nor a point of ``kept_free``.
    It is near its point and covers few ``others``. Without such a place it is left out.

    Args:
        ends: pixel of each thumbnail's point, by index, in the order of placement.
        kept_free: (K, 2) pixels of points.
        others: (L, 2) pixels of points.
    """
    angles, radii = np.meshgrid(np.arange(24) * np.pi / 12,
                                np.arange(.7, 5., .15) * THUMBNAIL)
    steps = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=-1).reshape(-1, 2)
    half = THUMBNAIL / 2
    places: Dict[int, np.ndarray] = {}
    for index, end in ends.items():
        centers = end + steps
        free = ((centers >= half) & (centers <= (WIDTH - half, HEIGHT - half))).all(axis=1)
        free &= ~_covered(centers, kept_free, half + 2 * _MEMBER_DOT).any(axis=1)
        if places:
            free &= ~_covered(centers, np.array(list(places.values())), THUMBNAIL + 4).any(axis=1)
        cost = radii.ravel() + _COVER_COST * _covered(centers, others, half + _DOT).sum(axis=1)
        if free.any():
            places[index] = centers[np.where(free, cost, np.inf).argmin()]
    return places


def _covered(centers: np.ndarray, points: np.ndarray, reach: float) -> np.ndarray:
    """Return (C, P) whether points are inside squares of half side ``reach`` around centres."""
    return (np.abs(centers[:, None] - points) < reach).all(axis=-1)


def _footer(scale: ColorScale) -> np.ndarray:
    strip = np.full((FOOTER, WIDTH, 3), to_bgr(PANEL_BACKGROUND), dtype=np.uint8)
    left, baseline = 16, 24
    draw_text(strip, OFF_NOTE, (left, baseline), PANEL_TEXT, _LETTER)
    scale.draw_bar(strip, left + text_size(OFF_NOTE, _LETTER)[0] + 24, .62 * WIDTH,
                   baseline - _LETTER, _LETTER)
    draw_text(strip, RING_NOTE, (WIDTH - left - text_size(RING_NOTE, _LETTER)[0], baseline),
              _RING_TEXT, _LETTER)
    return strip
