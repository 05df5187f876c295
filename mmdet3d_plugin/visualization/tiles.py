"""Panels of captioned pictures in a grid."""
import math
from typing import Dict, NamedTuple, Optional, Sequence, Tuple

import cv2
import numpy as np

from .color_scales import ColorScale
from .colors import PANEL_BACKGROUND, PANEL_TEXT, to_bgr
from .panel_header import draw_legend
from .primitives import draw_text, text_size

WIDTH = 1860  # pixels of a panel
LETTER, SMALL_LETTER = 13, 10  # pixels
_WIDE = 2.  # images of this width over height or more: two tiles per row, else three
_GAP = 16  # pixels between tiles
_BAR_SHARE = .62  # of a tile's width


class Tile(NamedTuple):
    """One picture of a panel with its caption.

    Attributes:
        picture: (H, W, 3) uint8, BGR.
        name: caption.
        scale: colour scale of the picture, drawn as a bar; None for no bar.
        note: text at the right of the caption.
        legend: colour (``'#rrggbb'``) by name, at the right of the caption.
    """
    picture: np.ndarray
    name: str
    scale: Optional[ColorScale] = None
    note: str = ''
    legend: Optional[Dict[str, str]] = None


def tile_size(shape: Sequence[int], columns: int, width: int = WIDTH) -> Tuple[int, int]:
    """Return (width, height) of the pictures in a grid, pixels.

    Args:
        shape: height and width of a picture.
        columns: number of tiles per row.
        width: width of the panel, pixels.

    Example:
        >>> tile_size((192, 640), columns=3, width=400)
        (112, 34)
    """
    tile_width = (width - _GAP * (columns + 1)) // columns
    return tile_width, round(tile_width * shape[0] / shape[1])


def tile_grid(tiles: Sequence[Optional[Tile]], width: int = WIDTH,
              columns: Optional[int] = None) -> np.ndarray:
    """Arrange tiles in rows, all at the size of the first one.

    Args:
        tiles: tiles row by row; None leaves a place empty. The first one is a tile.
        width: width of the panel, pixels.
        columns: number of tiles per row; by default two of wide images, else three.

    Returns:
        uint8 BGR image, ``width`` pixels wide.

    Example:
        >>> tile = Tile(np.zeros((30, 90, 3), np.uint8), 'Image')
        >>> tile_grid([tile, None, tile], width=640).shape
        (334, 640, 3)
    """
    assert tiles[0] is not None
    shape = tiles[0].picture.shape
    if columns is None:
        columns = min(2 if shape[1] >= _WIDE * shape[0] else 3, len(tiles))
    tile_width, tile_height = tile_size(shape, columns, width)
    step_y, step_x = tile_height + 4 * LETTER + _GAP, tile_width + _GAP
    row_count = math.ceil(len(tiles) / columns)
    body = np.full((row_count * step_y, width, 3), to_bgr(PANEL_BACKGROUND), dtype=np.uint8)
    for index, tile in enumerate(tiles):
        if tile is not None:
            row, column = divmod(index, columns)
            top, left = row * step_y, _GAP + column * step_x
            drawn = _draw_tile(tile, tile_width, tile_height)
            body[top:top + drawn.shape[0], left:left + tile_width] = drawn
    return body


def _draw_tile(tile: Tile, width: int, height: int) -> np.ndarray:
    """Draw a tile's picture, and below it a strip with caption and colour bar or note."""
    shrinks = width < tile.picture.shape[1]
    picture = cv2.resize(tile.picture, (width, height),
                         interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST)
    strip = np.full((4 * LETTER, width, 3), to_bgr(PANEL_BACKGROUND), dtype=np.uint8)
    baseline = 1.75 * LETTER
    draw_text(strip, tile.name, (0, baseline), PANEL_TEXT, LETTER)
    if tile.scale is not None:
        tile.scale.draw_bar(strip, (1 - _BAR_SHARE) * width, width, baseline - LETTER,
                            SMALL_LETTER)
    if tile.note:
        note_width = text_size(tile.note, SMALL_LETTER)[0]
        draw_text(strip, tile.note, (width - note_width, baseline), PANEL_TEXT, SMALL_LETTER)
    draw_legend(strip, tile.legend or {}, width, baseline, SMALL_LETTER)
    return np.vstack([picture, strip])
