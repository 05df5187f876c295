"""Small square pictures of images, with frames that tell right from wrong."""
from typing import Optional

import cv2
import numpy as np

from .colors import PANEL_BACKGROUND, RIGHT_COLOR, WRONG_COLOR, to_bgr

FRAME = 4  # pixels
CLASS_LEGEND = {'same class': RIGHT_COLOR, 'other class': WRONG_COLOR}


def thumbnail(image: np.ndarray, size: int, frame_color: Optional[str] = None) -> np.ndarray:
    """Fit an image into a square.

    Args:
        image: (H, W, 3) uint8, BGR.
        size: side of the square, pixels, more than twice ``FRAME``.
        frame_color: ``'#rrggbb'`` of the frame, ``FRAME`` pixels wide, inside the square; None
            for no frame.

    Returns:
        (size, size, 3) uint8, BGR. The image keeps its aspect ratio and is centred.

    Example:
        >>> square = thumbnail(np.full((20, 40, 3), 90, np.uint8), 64, '#ff0000')
        >>> square[0, 0].tolist(), square[32, 32].tolist(), square[10, 32].tolist()
        ([0, 0, 255], [90, 90, 90], [18, 14, 11])
    """
    border = 0 if frame_color is None else FRAME
    square = np.full((size, size, 3), to_bgr(frame_color or PANEL_BACKGROUND), dtype=np.uint8)
    inner = square[border:size - border, border:size - border]
    inner[:] = to_bgr(PANEL_BACKGROUND)
    scale = len(inner) / max(image.shape[:2])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    top, left = (len(inner) - height) // 2, (len(inner) - width) // 2
    inner[top:top + height, left:left + width] = cv2.resize(
        image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return square


def class_frame(right: bool) -> str:
    """Return the colour of the frame of an image that has the right class, or a wrong one."""
    return RIGHT_COLOR if right else WRONG_COLOR
