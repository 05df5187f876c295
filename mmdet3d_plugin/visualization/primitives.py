"""Anti-aliased lines, polygons and text with sub-pixel positions.

All drawing functions change the image in place. Images are (H, W, 3) uint8, BGR. Points are
(x, y) in pixels.
"""
from typing import Tuple

import cv2
import numpy as np

from .colors import to_bgr

FONT = cv2.FONT_HERSHEY_DUPLEX
FONT_HEIGHT = 21  # pixels of a capital letter of FONT at scale 1
_FRACTION_BITS = 4  # OpenCV takes coordinates as fixed-point numbers


def _fixed_point(points: np.ndarray) -> np.ndarray:
    return np.rint(np.asarray(points) * (1 << _FRACTION_BITS)).astype(np.int32)


def draw_segments(image: np.ndarray, segments: np.ndarray, color: str,
                  thickness: int = 1) -> None:
    """Draw straight line segments.

    Args:
        image: (H, W, 3) uint8, BGR; changed in place.
        segments: (S, 2, 2) end points (x, y), pixels; may lie outside of the image.
        color: ``'#rrggbb'``.
        thickness: line width, pixels.
    """
    if len(segments):
        cv2.polylines(image, list(_fixed_point(segments)), False, to_bgr(color), thickness,
                      cv2.LINE_AA, _FRACTION_BITS)


def draw_polygon(image: np.ndarray, points: np.ndarray, color: str,
                 thickness: int = 1) -> None:
    """Draw the outline of a polygon.

    Args:
        image: (H, W, 3) uint8, BGR; changed in place.
        points: (P, 2) corners (x, y), pixels.
        color: ``'#rrggbb'``.
        thickness: line width, pixels.
    """
    cv2.polylines(image, [_fixed_point(points)], True, to_bgr(color), thickness, cv2.LINE_AA,
                  _FRACTION_BITS)


def blend_polygon(image: np.ndarray, points: np.ndarray, color: str, opacity: float) -> None:
    """Fill a polygon with a translucent colour.

    Args:
        image: (H, W, 3) uint8, BGR; changed in place.
        points: (P, 2) corners (x, y), pixels.
        color: ``'#rrggbb'``.
        opacity: 0 (invisible) to 1 (opaque).
    """
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(np.min(points, axis=0)), 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(np.max(points, axis=0)) + 1, 0,
                            (width, height)).astype(int)
    region = image[top:bottom, left:right]
    if region.size == 0:
        return
    filled = region.copy()
    cv2.fillPoly(filled, [_fixed_point(points - np.array([left, top]))], to_bgr(color),
                 cv2.LINE_AA, _FRACTION_BITS)
    region[:] = cv2.addWeighted(filled, opacity, region, 1 - opacity, 0)


def text_size(text: str, height: float) -> Tuple[int, int]:
    """Return width and height of a text, pixels.

    Args:
        text: text of one line.
        height: height of a capital letter, pixels.
    """
    return cv2.getTextSize(text, FONT, height / FONT_HEIGHT, 1)[0]


def cut_text(text: str, width: float, height: float) -> str:
    """Return a text, cut and with three dots at its end if it is wider than ``width``.

    Args:
        text: text of one line.
        width: largest width, pixels.
        height: height of a capital letter, pixels.

    Example:
        >>> cut_text('Black-footed Albatross', 120, 10), cut_text('Gull', 120, 10)
        ('Black-footed...', 'Gull')
    """
    if text_size(text, height)[0] <= width:
        return text
    while text and text_size(f'{text}...', height)[0] > width:
        text = text[:-1]
    return f'{text}...'


def draw_text(image: np.ndarray, text: str, origin: Tuple[float, float], color: str,
              height: float) -> None:
    """Write a text of one line.

    Args:
        image: (H, W, 3) uint8, BGR; changed in place.
        text: text of one line.
        origin: left end of the baseline (x, y), pixels.
        color: ``'#rrggbb'``.
        height: height of a capital letter, pixels.
    """
    cv2.putText(image, text, (round(origin[0]), round(origin[1])), FONT, height / FONT_HEIGHT,
                to_bgr(color), 1, cv2.LINE_AA)
