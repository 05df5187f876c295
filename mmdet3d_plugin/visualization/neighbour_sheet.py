"""Sheet of queries with their nearest neighbours."""
from typing import NamedTuple, Sequence

import numpy as np

from .colors import PANEL_BACKGROUND, PANEL_TEXT, to_bgr
from .panel_header import panel_header
from .primitives import cut_text, draw_segments, draw_text
from .thumbnails import CLASS_LEGEND, class_frame, thumbnail

SHEET_FILE = 'neighbours.jpg'
TILE = 128  # pixels of an image, frame included
GAP = 12  # pixels between images
QUERY_GAP = 40  # pixels between a query and its first neighbour
CAPTION = 26  # pixels below an image
HEADER = 40  # pixels
_LETTER = 9  # pixels
_LEGEND_ROOM = 390  # pixels at the right of the header


class QueryRow(NamedTuple):
    """One query and its k nearest neighbours.

    Attributes:
        query: (h, w, 3) uint8, BGR.
        name: caption of the query, for example its class.
        neighbours: k images such as ``query``, nearest first.
        right: k flags, whether a neighbour has the class of the query.
        distances: k distances to the query.
    """
    query: np.ndarray
    name: str
    neighbours: Sequence[np.ndarray]
    right: Sequence[bool]
    distances: Sequence[float]


def neighbour_sheet(rows: Sequence[QueryRow], title: str = '') -> np.ndarray:
    """Draw one query per row, with its neighbours at the right.

    Neighbours of the same class have a green frame and a tick, others a red frame and a cross.
    The distance is below the neighbour.

    Args:
        rows: the queries. They may have different numbers of neighbours.
        title: text at the left of the header.

    Returns:
        (H, W, 3) uint8, BGR.

    Example:
        >>> grey = np.full((48, 64, 3), 90, np.uint8)
        >>> neighbour_sheet([QueryRow(grey, 'wren', [grey] * 3, [True, False, True],
        ...                           [.2, .3, .5])]).shape
        (218, 600, 3)
    """
    count = max((len(row.neighbours) for row in rows), default=0)
    width = neighbour_left(count)
    step = TILE + CAPTION + GAP
    body = np.full((GAP + step * len(rows), width, 3), to_bgr(PANEL_BACKGROUND), np.uint8)
    for index, row in enumerate(rows):
        _draw_row(body[GAP + index * step:GAP + (index + 1) * step], row)
    title = cut_text(title, width - _LEGEND_ROOM, .36 * HEADER)
    return np.vstack([panel_header(width, HEADER, title, CLASS_LEGEND), body])


def neighbour_left(index: int) -> int:
    """Return the left edge of the neighbour at an index, pixels."""
    return GAP + TILE + QUERY_GAP + index * (TILE + GAP)


def _draw_row(strip: np.ndarray, row: QueryRow) -> None:
    strip[:TILE, GAP:GAP + TILE] = thumbnail(row.query, TILE)
    baseline = TILE + (CAPTION + _LETTER) / 2
    name = cut_text(row.name, TILE + QUERY_GAP - 2 * GAP, _LETTER)
    draw_text(strip, name, (GAP, baseline), PANEL_TEXT, _LETTER)
    for index, (image, right, distance) in enumerate(
            zip(row.neighbours, row.right, row.distances)):
        left, color = neighbour_left(index), class_frame(right)
        strip[:TILE, left:left + TILE] = thumbnail(image, TILE, color)
        mark = _TICK if right else _CROSS
        draw_segments(strip, mark * _LETTER + (left + 3, baseline - _LETTER), color, 2)
        draw_text(strip, f'{distance:.3f}', (left + 2 * _LETTER, baseline), PANEL_TEXT,
                  _LETTER)


# Segments (x, y) in a square of side 1.
_TICK = np.array([[(0., .6), (.35, 1.)], [(.35, 1.), (1., 0.)]])
_CROSS = np.array([[(.1, .1), (.9, .9)], [(.1, .9), (.9, .1)]])
