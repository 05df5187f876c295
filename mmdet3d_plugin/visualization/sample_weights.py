"""Weights of ROI locations, drawn over the objects of an image."""
from typing import Sequence, Tuple

import cv2
import numpy as np

from .colors import PANEL_BACKGROUND, PANEL_TEXT, to_bgr
from .panel_header import panel_header
from .primitives import cut_text, draw_text

WIDTH = 1242  # pixels of a panel
HEADER_HEIGHT, TILE_HEIGHT = 37, 220  # pixels; tiles show enlarged objects
OBJECTS_PER_ROW = 2
_FRAME = PANEL_TEXT
_CROP_MARGIN = 0.12  # shown around a box, as a share of its size
_GAP = 8  # pixels between tiles
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

    An enlarged object is shown with its surroundings, at the left without weights and at the
    right with weights. A row holds two objects, and the last row of an odd number holds one.

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
        (913, 1242, 3)
    """
    scale = WIDTH / image.shape[1]
    whole = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for box, weight in zip(boxes[::-1], weights[::-1]):
        whole = draw_sample_weights(whole, np.asarray(box) * scale, weight)
    rows = [slice(start, start + OBJECTS_PER_ROW)
            for start in range(0, len(boxes), OBJECTS_PER_ROW)]
    return np.vstack([
        panel_header(WIDTH, HEADER_HEIGHT, title, {}), whole,
        *(_draw_row(image, boxes[row], weights[row], captions[row]) for row in rows)])


def _draw_row(image: np.ndarray, boxes: np.ndarray, weights: np.ndarray,
              captions: Sequence[str]) -> np.ndarray:
    """Draw a row of enlarged objects as a strip. The tiles share its width equally."""
    strip = np.full((TILE_HEIGHT + 3 * _GAP + _LETTER, WIDTH, 3), to_bgr(PANEL_BACKGROUND),
                    dtype=np.uint8)
    step = (WIDTH - _GAP) // (2 * len(boxes))
    for index, (box, weight, caption) in enumerate(zip(boxes, weights, captions)):
        tile, inner = _enlarge(image, box, step - _GAP)
        left = _GAP + 2 * index * step
        for x, picture in ((left, tile), (left + step, draw_sample_weights(tile, inner, weight))):
            strip[_GAP:_GAP + TILE_HEIGHT, x:x + picture.shape[1]] = picture
        draw_text(strip, cut_text(caption, 2 * step - _GAP, _LETTER),
                  (left, strip.shape[0] - _GAP), PANEL_TEXT, _LETTER)
    return strip


def _enlarge(image: np.ndarray, box: np.ndarray, width: int) -> Tuple[np.ndarray, np.ndarray]:
    """Enlarge a box with its surroundings to a tile of ``width`` x ``TILE_HEIGHT`` pixels.

    If the image is too small to fill the tile around an object, the rest of the tile is dark.

    Returns:
        The tile, uint8 BGR, and the (4,) box in pixels of the tile.
    """
    tile_size, limit = np.array([width, TILE_HEIGHT]), np.array(image.shape[1::-1])
    margin = _CROP_MARGIN * (box[2:] - box[:2])
    low, high = np.clip([box[:2] - margin, box[2:] + margin], 0, limit)
    scale = (tile_size / np.maximum(high - low, 1)).min()
    shown = np.minimum(tile_size / scale, limit)  # of the image, pixels
    crop_size = np.ceil(shown).astype(int)
    left, top = corner = ((low + high - crop_size) / 2).clip(0, limit - crop_size).astype(int)
    crop = image[top:top + crop_size[1], left:left + crop_size[0]]
    picture_size = np.maximum((shown * scale).round(), 1).astype(int)
    picture = cv2.resize(crop, picture_size.tolist(),
                         interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)
    x, y = offset = (tile_size - picture_size) // 2
    tile = np.full((TILE_HEIGHT, width, 3), to_bgr(PANEL_BACKGROUND), dtype=np.uint8)
    tile[y:y + picture_size[1], x:x + picture_size[0]] = picture
    corners = (np.reshape(box, (2, 2)) - corner) * picture_size / crop_size + offset
    return tile, corners.ravel()
