"""Pictures of dense depth: depth maps, error maps, and the panel of a frame.

Depth maps are (H, W), metres, 0 where unknown.
"""
import math
from typing import List, NamedTuple, Optional, Tuple

import cv2
import numpy as np

from ..benchmarks.depth.map_errors import DepthProtocol
from ..benchmarks.metric_style import format_value
from .color_scales import ColorScale, depth_scale, error_scale
from .colors import PANEL_BACKGROUND, PANEL_TEXT, to_bgr
from .panel_header import panel_header
from .primitives import draw_text, text_size

WIDTH = 1860  # pixels of a panel
RELATIVE_LIMIT = 25.  # percent of the true depth; larger positive errors fail delta1
FEATURE_NOTE = 'principal components 1, 2, 3 as red, green, blue'
_WIDE = 2.  # images of this width over height or more: two tiles per row, else three
_GAP = 16  # pixels between tiles
_LETTER, _SMALL_LETTER = 13, 10  # pixels
_BAR_SHARE = .62  # of a tile's width
_POINT_RADIUS = 1.5  # pixels; unknown pixels this near to a known pixel show its value
_PERCENTILES = (1, 99)  # of known depths, at the ends of the scale
_ERROR_PERCENTILE = 95  # of absolute errors in metres, at the ends of the scale
_FLAT = 1.1  # margin of the scale, as a factor, if all depths are equal


class Tile(NamedTuple):
    """One picture of a panel with its caption.

    Attributes:
        picture: (H, W, 3) uint8, BGR.
        name: caption.
        scale: colour scale of the picture, drawn as a bar; None for no bar.
        note: text at the right of the caption.
    """
    picture: np.ndarray
    name: str
    scale: Optional[ColorScale] = None
    note: str = ''


def fitting_scale(depth: np.ndarray) -> ColorScale:
    """Return a scale from the 1st to the 99th percentile of the known depths.

    Args:
        depth: (H, W), metres, 0 where unknown.

    Example:
        >>> scale = fitting_scale(np.linspace(0., 100., 101)[None])
        >>> round(scale.low, 2), round(scale.high, 2)
        (1.99, 99.01)
    """
    known = depth[depth > 0]
    low, high = np.percentile(known, _PERCENTILES) if len(known) else (1., 1.)
    return depth_scale(low, high) if high > low else depth_scale(low / _FLAT, high * _FLAT)


def depth_picture(depth: np.ndarray, scale: ColorScale) -> np.ndarray:
    """Draw a depth map in colours.

    Unknown pixels are grey. Known pixels are enlarged into their unknown surroundings, so that
    sparse depth is visible.

    Args:
        depth: (H, W), metres, 0 where unknown.
        scale: colours of the depths.

    Returns:
        (H, W, 3) uint8, BGR.

    Example:
        >>> depth = np.zeros((9, 9), np.float32)
        >>> depth[4, 4] = 10.
        >>> picture = depth_picture(depth, depth_scale(1., 100.))
        >>> len(np.unique(picture.reshape(-1, 3), axis=0))  # grey and the colour of 10 m
        2
    """
    return scale.colors(*_with_points(depth, depth > 0))


def error_picture(errors: np.ndarray, scale: ColorScale) -> np.ndarray:
    """Draw a map of depth errors in colours, as :func:`depth_picture` draws depths.

    Args:
        errors: (H, W), prediction minus true depth, NaN where unknown.
        scale: colours of the errors, in the unit of ``errors``.

    Returns:
        (H, W, 3) uint8, BGR.

    Example:
        >>> error_picture(np.array([[-2., np.nan, 3.]]), error_scale(5.)).shape
        (1, 3, 3)
    """
    return scale.colors(*_with_points(errors, np.isfinite(errors)))


def depth_panel(image: np.ndarray, prediction: np.ndarray, truth: Optional[np.ndarray] = None,
                features: Optional[np.ndarray] = None, title: str = '',
                protocol: Optional[DepthProtocol] = None,
                scale: Optional[ColorScale] = None, width: int = WIDTH) -> np.ndarray:
    """Draw the panel of a frame: image, depth maps, features and error maps.

    True and predicted depth share one colour scale. Errors are shown relative to the true
    depth and in metres. The title ends with AbsRel, the mean relative error of the evaluated
    pixels. If no pixel is evaluated, the panel has neither true depth nor errors.

    Args:
        image: (H, W, 3) uint8, BGR.
        prediction: (H, W), metres, 0 where unknown.
        truth: (H, W), metres, 0 where unknown; None without ground truth.
        features: (H, W, 3) uint8, BGR, as returned by :func:`~.feature_colors`.
        title: text at the left of the header.
        protocol: evaluated pixels and scaling of predictions; by default
            ``DepthProtocol()``.
        scale: colours of both depth maps; by default fitted to the evaluated true depths, or
            to the prediction if there are none.
        width: width of the panel, pixels.

    Returns:
        uint8 BGR image, ``width`` pixels wide.

    Example:
        >>> truth = np.tile(np.linspace(5., 60., 90), (30, 1))
        >>> image = np.zeros((30, 90, 3), np.uint8)
        >>> depth_panel(image, 1.1 * truth, truth, title='frame 7', width=640).shape
        (540, 640, 3)
    """
    protocol = protocol or DepthProtocol()
    evaluated = np.zeros(prediction.shape, bool) if truth is None else protocol.valid(truth)
    tiles, errors = [Tile(image, 'Image')], []
    if evaluated.any():
        prediction = protocol.scaled(truth, prediction)
        scale = scale or fitting_scale(np.where(evaluated, truth, 0))
        tiles.append(Tile(depth_picture(truth, scale), 'Ground truth (m)', scale))
        metres = protocol.signed_errors(truth, prediction)
        relative = 100 * metres / np.where(evaluated, truth, 1)
        errors = [_error_tile('Relative error (%)', relative, RELATIVE_LIMIT),
                  _error_tile('Error (m)', metres, _error_limit(metres))]
        title += f'   AbsRel {format_value(np.nanmean(np.abs(relative)) / 100, 3)}'
    scale = scale or fitting_scale(prediction)
    tiles.append(Tile(depth_picture(prediction, scale), 'Prediction (m)', scale))
    if features is not None:
        tiles.append(Tile(features, 'Features', note=FEATURE_NOTE))
    return np.vstack([panel_header(width, 3 * _LETTER, title, {}), _grid(tiles + errors, width)])


def _error_tile(name: str, errors: np.ndarray, limit: float) -> Tile:
    scale = error_scale(limit)
    return Tile(error_picture(errors, scale), name, scale)


def _error_limit(errors: np.ndarray) -> float:
    return float(np.nanpercentile(np.abs(errors), _ERROR_PERCENTILE)) or 1.


def _with_points(values: np.ndarray, known: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Copy known values to the unknown pixels within ``_POINT_RADIUS``.

    Returns:
        (H, W) values, and (H, W) bool, which of them are known or copied.
    """
    if known.all() or not known.any():
        return values, known
    distances, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5,
        labelType=cv2.DIST_LABEL_PIXEL)
    nearest = np.empty(labels.max() + 1, dtype=values.dtype)
    nearest[labels[known]] = values[known]
    return nearest[labels], distances <= _POINT_RADIUS


def _grid(tiles: List[Tile], width: int) -> np.ndarray:
    """Arrange tiles in rows, all at the size of the first one."""
    rows, columns = tiles[0].picture.shape[:2]
    tiles_per_row = min(2 if columns >= _WIDE * rows else 3, len(tiles))
    tile_width = (width - _GAP * (tiles_per_row + 1)) // tiles_per_row
    tile_height = round(tile_width * rows / columns)
    drawn = [_draw_tile(tile, tile_width, tile_height) for tile in tiles]
    step_y, step_x = drawn[0].shape[0] + _GAP, tile_width + _GAP
    row_count = math.ceil(len(tiles) / tiles_per_row)
    body = np.full((row_count * step_y, width, 3), to_bgr(PANEL_BACKGROUND), dtype=np.uint8)
    for index, tile in enumerate(drawn):
        row, column = divmod(index, tiles_per_row)
        top, left = row * step_y, _GAP + column * step_x
        body[top:top + tile.shape[0], left:left + tile_width] = tile
    return body


def _draw_tile(tile: Tile, width: int, height: int) -> np.ndarray:
    """Draw a tile's picture, and below it a strip with caption and colour bar or note."""
    shrinks = width < tile.picture.shape[1]
    picture = cv2.resize(tile.picture, (width, height),
                         interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST)
    strip = np.full((4 * _LETTER, width, 3), to_bgr(PANEL_BACKGROUND), dtype=np.uint8)
    baseline = 1.75 * _LETTER
    draw_text(strip, tile.name, (0, baseline), PANEL_TEXT, _LETTER)
    if tile.scale is not None:
        tile.scale.draw_bar(strip, (1 - _BAR_SHARE) * width, width, baseline - _LETTER,
                            _SMALL_LETTER)
    if tile.note:
        note_width = text_size(tile.note, _SMALL_LETTER)[0]
        draw_text(strip, tile.note, (width - note_width, baseline), PANEL_TEXT, _SMALL_LETTER)
    return np.vstack([picture, strip])
