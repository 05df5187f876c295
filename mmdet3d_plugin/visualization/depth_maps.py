"""Dense depth as pictures: maps in metres, their errors, and a panel a frame.

Depth maps are (H, W), metres, 0 where unknown.
"""
import math
from typing import List, NamedTuple, Optional, Tuple

import cv2
import numpy as np

from ..benchmarks.depth.map_errors import DepthProtocol
from ..benchmarks.metric_style import format_value
from .color_scales import ColorScale, depth_scale, error_scale
from .colors import to_bgr
from .drawing import draw_text, text_size
from .panels import header

WIDTH = 1860  # pixels of a panel
# Percent; beyond it a pixel that is too far fails the threshold of 1.25.
RELATIVE_LIMIT = 25.
FEATURE_NOTE = 'principal components 1, 2, 3 as red, green, blue'
_WIDE = 2.  # width over height from which two tiles stand side by side, else three
_GAP = 16  # pixels between tiles
_LETTER, _SMALL_LETTER = 13, 10  # pixels
_BAR_SHARE = .62  # of a tile's width
_POINT_RADIUS = 1.5  # pixels around a known one that show it too
_PERCENTILES = (1, 99)  # of known depths, the ends of their scale
_ERROR_PERCENTILE = 95  # of absolute errors in metres, the ends of their scale
_FLAT = 1.1  # high over low of a scale whose depths are all the same
_BACKGROUND, _TEXT = '#0b0e12', '#e8edf2'


class Tile(NamedTuple):
    """One picture of a panel, (H, W, 3) uint8 BGR, and what explains it."""
    picture: np.ndarray
    name: str
    scale: Optional[ColorScale] = None
    note: str = ''


def fitting_scale(depth: np.ndarray) -> ColorScale:
    """The scale that holds nearly all known depths of a map."""
    known = depth[depth > 0]
    low, high = np.percentile(known, _PERCENTILES) if len(known) else (1., 1.)
    return depth_scale(low, high) if high > low else depth_scale(low / _FLAT, high * _FLAT)


def depth_picture(depth: np.ndarray, scale: ColorScale) -> np.ndarray:
    """(H, W, 3) uint8, BGR; lone known pixels are drawn as points."""
    return scale.colors(*_with_points(depth, depth > 0))


def error_picture(errors: np.ndarray, scale: ColorScale) -> np.ndarray:
    """(H, W, 3) uint8, BGR, of errors that are NaN where unknown; lone known pixels are
    drawn as points."""
    return scale.colors(*_with_points(errors, np.isfinite(errors)))


def depth_panel(image: np.ndarray, prediction: np.ndarray, truth: Optional[np.ndarray] = None,
                features: Optional[np.ndarray] = None, title: str = '',
                protocol: Optional[DepthProtocol] = None,
                scale: Optional[ColorScale] = None, width: int = WIDTH) -> np.ndarray:
    """Composes the image, true and predicted depth on one scale, features, and the errors
    over the true depth and in metres.

    The title names the frame's absolute relative error, the mean over the pixels whose
    errors are shown. Without a truth that counts, the image, prediction and features are
    left.

    Args:
        image: (H, W, 3) uint8, BGR.
        prediction: (H, W) metres, 0 where unknown.
        truth: alike.
        features: (H, W, 3) uint8, BGR, as of :func:`~.feature_colors`.
        protocol: which pixels count, and how; by default :class:`DepthProtocol`'s.
        scale: of both depth maps; by default that which fits the truth that counts,
            without it the prediction.
        width: of the panel, pixels.

    Returns:
        uint8 BGR image.
    """
    protocol = protocol or DepthProtocol()
    counted = np.zeros(prediction.shape, bool) if truth is None else protocol.valid(truth)
    tiles, errors = [Tile(image, 'Image')], []
    if counted.any():
        prediction = protocol.scaled(truth, prediction)
        scale = scale or fitting_scale(np.where(counted, truth, 0))
        tiles.append(Tile(depth_picture(truth, scale), 'Ground truth (m)', scale))
        metres = protocol.signed_errors(truth, prediction)
        relative = 100 * metres / np.where(counted, truth, 1)
        errors = [_error_tile('Relative error (%)', relative, RELATIVE_LIMIT),
                  _error_tile('Error (m)', metres, _error_limit(metres))]
        title += f'   AbsRel {format_value(np.nanmean(np.abs(relative)) / 100, 3)}'
    scale = scale or fitting_scale(prediction)
    tiles.append(Tile(depth_picture(prediction, scale), 'Prediction (m)', scale))
    if features is not None:
        tiles.append(Tile(features, 'Features', note=FEATURE_NOTE))
    return np.vstack([header(width, 3 * _LETTER, title, {}), _grid(tiles + errors, width)])


def _error_tile(name: str, errors: np.ndarray, limit: float) -> Tile:
    scale = error_scale(limit)
    return Tile(error_picture(errors, scale), name, scale)


def _error_limit(errors: np.ndarray) -> float:
    return float(np.nanpercentile(np.abs(errors), _ERROR_PERCENTILE)) or 1.


def _with_points(values: np.ndarray, known: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Known values, spread to the unknown pixels within ``_POINT_RADIUS`` of them."""
    if known.all() or not known.any():
        return values, known
    distances, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5,
        labelType=cv2.DIST_LABEL_PIXEL)
    nearest = np.empty(labels.max() + 1, dtype=values.dtype)
    nearest[labels[known]] = values[known]
    return nearest[labels], distances <= _POINT_RADIUS


def _grid(tiles: List[Tile], width: int) -> np.ndarray:
    rows, columns = tiles[0].picture.shape[:2]
    across = min(2 if columns >= _WIDE * rows else 3, len(tiles))
    tile_width = (width - _GAP * (across + 1)) // across
    tile_height = round(tile_width * rows / columns)
    drawn = [_draw_tile(tile, tile_width, tile_height) for tile in tiles]
    step_y, step_x = drawn[0].shape[0] + _GAP, tile_width + _GAP
    down = math.ceil(len(tiles) / across)
    body = np.full((down * step_y, width, 3), to_bgr(_BACKGROUND), dtype=np.uint8)
    for index, tile in enumerate(drawn):
        row, column = divmod(index, across)
        top, left = row * step_y, _GAP + column * step_x
        body[top:top + tile.shape[0], left:left + tile_width] = tile
    return body


def _draw_tile(tile: Tile, width: int, height: int) -> np.ndarray:
    """The picture above a strip with its name and its scale or note."""
    shrinks = width < tile.picture.shape[1]
    picture = cv2.resize(tile.picture, (width, height),
                         interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST)
    strip = np.full((4 * _LETTER, width, 3), to_bgr(_BACKGROUND), dtype=np.uint8)
    baseline = 1.75 * _LETTER
    draw_text(strip, tile.name, (0, baseline), _TEXT, _LETTER)
    if tile.scale is not None:
        tile.scale.draw_bar(strip, (1 - _BAR_SHARE) * width, width, baseline - _LETTER,
                            _SMALL_LETTER)
    if tile.note:
        note_width = text_size(tile.note, _SMALL_LETTER)[0]
        draw_text(strip, tile.note, (width - note_width, baseline), _TEXT, _SMALL_LETTER)
    return np.vstack([picture, strip])
