"""Weights of ROI locations, drawn over the objects of an image."""
from typing import Sequence, Tuple

import cv2
import numpy as np

from .colors import PANEL_BACKGROUND, PANEL_TEXT, to_bgr
from .panel_header import panel_header
from .primitives import draw_text, text_size

WIDTH = 1242  # pixels of a panel
CROP_HEIGHT = 220  # pixels of an enlarged object
_FRAME = PANEL_TEXT
_CROP_MARGIN = 0.12  # shown around a box, as a share of its size
_GAP = 8  # pixels between objects
_LETTER = 11  # pixels
_OPACITY = 0.75  # of the location of largest weight


def draw_sample_weights(image: np.ndarray, box: Sequence[float],
                        weights: np.ndarray) -> np.ndarray:
    """Tint the locations of an object's ROI by their weights.

    Larger weights are brighter, relative to the largest weight of the object. Locations of
    weight 0, which sample selection drops, are not tinted. The location of largest weight is
    framed unless all weights are equal.

    Args:
        image: (H, W, 3) uint8, BGR; not changed.
        box: left, top, right, bottom of the ROI, pixels; may exceed the image.
        weights: (S, S) weights, not negative; rows from top to bottom.

    Returns:
        (H, W, 3) uint8, BGR.

    Example:
        >>> image = np.full((70, 140, 3), 90, np.uint8)
        >>> weights = np.zeros((7, 7))
        >>> weights[3, 3] = 1.
        >>> drawn = draw_sample_weights(image, [35., 0., 105., 70.], weights)
        >>> bool((drawn[35, 70] != 90).all()), bool((drawn[15, 50] == 90).all())
        (True, True)
    """
    canvas = image.copy()
    size = len(weights)
    columns = np.linspace(box[0], box[2], size + 1).round().astype(int)
    rows = np.linspace(box[1], box[3], size + 1).round().astype(int)
    shares = weights / max(weights.max(), np.finfo(np.float32).tiny)
    colors = cv2.applyColorMap((255 * shares).astype(np.uint8), cv2.COLORMAP_PLASMA)
    height, width = image.shape[:2]
    clipped_columns, clipped_rows = columns.clip(0, width), rows.clip(0, height)
    for row, column in np.argwhere(shares > 0):
        cell = canvas[clipped_rows[row]:clipped_rows[row + 1],
                      clipped_columns[column]:clipped_columns[column + 1]]
        opacity = _OPACITY * np.sqrt(shares[row, column])
        cell[:] = (cell * (1 - opacity) + colors[row, column] * opacity).astype(np.uint8)
    top, left = np.unravel_index(weights.argmax(), weights.shape)
    cv2.rectangle(canvas, (columns[0], rows[0]), (columns[-1], rows[-1]), to_bgr(_FRAME), 1)
    if weights.min() < weights.max():
        cv2.rectangle(canvas, (columns[left], rows[top]), (columns[left + 1], rows[top + 1]),
                      to_bgr(_FRAME), 1)
    return canvas


def sample_panel(image: np.ndarray, boxes: np.ndarray, weights: np.ndarray,
                 captions: Sequence[str], title: str = '') -> np.ndarray:
    """Draw the panel of a frame: the image with all ROI weights, and enlarged objects below.

    An enlarged object is shown without weights and, below, with weights. Objects for which
    there is no room are left out of the lower part.

    Args:
        image: (H, W, 3) uint8, BGR; not changed.
        boxes: (N, 4) left, top, right, bottom of the ROIs, pixels of ``image``. The first
            object is drawn on top of the others and enlarged first.
        weights: (N, S, S) weights of the ROI locations, not negative.
        captions: N texts.
        title: text at the left of the header.

    Returns:
        uint8 BGR image, ``WIDTH`` pixels wide.

    Example:
        >>> panel = sample_panel(np.full((140, 280, 3), 90, np.uint8),
        ...                      np.array([[70., 0., 210., 140.]]), np.ones((1, 7, 7)), ['Car'])
        >>> panel.shape
        (1144, 1242, 3)
    """
    scale = WIDTH / image.shape[1]
    whole = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for box, weight in zip(boxes[::-1], weights[::-1]):
        whole = draw_sample_weights(whole, np.asarray(box) * scale, weight)
    strip = np.full((2 * CROP_HEIGHT + 3 * _GAP + 2 * _LETTER, WIDTH, 3),
                    to_bgr(PANEL_BACKGROUND), dtype=np.uint8)
    left = _GAP
    for box, weight, caption in zip(boxes, weights, captions):
        crop, inner = _enlarge(image, box)
        right = left + crop.shape[1]
        end = max(right, left + text_size(caption, _LETTER)[0])
        if end + _GAP > WIDTH:
            continue
        strip[_GAP:_GAP + CROP_HEIGHT, left:right] = crop
        below = 2 * _GAP + CROP_HEIGHT
        strip[below:below + CROP_HEIGHT, left:right] = draw_sample_weights(crop, inner, weight)
        draw_text(strip, caption, (left, strip.shape[0] - _GAP), PANEL_TEXT, _LETTER)
        left = end + 2 * _GAP
    return np.vstack([panel_header(WIDTH, round(CROP_HEIGHT / 6), title, {}), whole, strip])


def _enlarge(image: np.ndarray, box: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Crop a box with its surroundings and resize it to ``CROP_HEIGHT``.

    Returns:
        The crop, uint8 BGR, and the (4,) box in pixels of the crop.
    """
    margin = _CROP_MARGIN * np.maximum(box[2:] - box[:2], 1.)
    corner = np.floor(np.maximum(box[:2] - margin, 0)).astype(int)
    limit = np.ceil(np.minimum(box[2:] + margin, image.shape[1::-1])).astype(int)
    limit = np.maximum(limit, corner + 1)
    crop = image[corner[1]:limit[1], corner[0]:limit[0]]
    scale = CROP_HEIGHT / crop.shape[0]
    crop = cv2.resize(crop, (max(round(crop.shape[1] * scale), 1), CROP_HEIGHT),
                      interpolation=cv2.INTER_CUBIC)
    return crop, (box - np.tile(corner, 2)) * scale
