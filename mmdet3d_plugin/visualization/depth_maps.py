"""Pictures of dense depth: depth maps, error maps, and the panel of a frame.

Depth maps are (H, W), metres, 0 where unknown.
"""
from typing import Optional, Tuple

import cv2
import numpy as np

from ..benchmarks.depth.map_errors import DepthProtocol
from ..benchmarks.metric_style import format_value
from .color_scales import ColorScale, depth_scale, error_scale
from .panel_header import panel_header
from .tiles import LETTER, WIDTH, Tile, tile_grid

RELATIVE_LIMIT = 25.  # percent of the true depth; larger positive errors fail delta1
FEATURE_NOTE = 'principal components 1, 2, 3 as red, green, blue'
_POINT_RADIUS = 1.5  # pixels; unknown pixels this near to a known pixel show its value
_PERCENTILES = (1, 99)  # of known depths, at the ends of the scale
_ERROR_PERCENTILE = 95  # of absolute errors in metres, at the ends of the scale
_FLAT = 1.1  # margin of the scale, as a factor, if all depths are equal


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
    return np.vstack([panel_header(width, 3 * LETTER, title, {}),
                      tile_grid(tiles + errors, width)])


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
