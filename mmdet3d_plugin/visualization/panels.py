"""One frame as one picture: camera image and bird's-eye view side by side."""
from typing import Optional

import cv2
import numpy as np

from ..structures.object_table import DONT_CARE, ObjectTable
from .birds_eye_view import BirdsEyeView, draw_birds_eye_view
from .boxes import draw_boxes_3d
from .colors import class_colors, ground_truth_color, other_class_color, to_bgr
from .drawing import draw_text, text_size

PANEL_HEIGHT = 540  # pixels, without the header
MAP_ASPECT = 0.8  # width of the bird's-eye view over its height
_HEADER_BACKGROUND, _HEADER_TEXT = '#0b0e12', '#e8edf2'
_PIXELS_PER_LINE_WIDTH = 270  # image height at which a line grows by a pixel


def frame_panel(image: np.ndarray, P2: np.ndarray,
                ground_truth: Optional[ObjectTable] = None,
                predictions: Optional[ObjectTable] = None, title: str = '',
                height: int = PANEL_HEIGHT) -> np.ndarray:
    """Composes title, legend, camera image with boxes, and bird's-eye view.

    All predictions are drawn: select the confident ones beforehand.

    Args:
        image: (H, W, 3) uint8, BGR; left as it is.
        P2: (3, 4) projection to pixels of ``image``.
        height: of both views, pixels; the image is scaled to it before the
            boxes are drawn.

    Returns:
        uint8 BGR image, a header higher than ``height``.
    """
    scale = height / image.shape[0]
    width = round(image.shape[1] * scale)
    camera = cv2.resize(image, (width, height),
                        interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    scaled_P2 = np.diag([width / image.shape[1], scale, 1.]) @ P2
    thickness = max(1, round(height / _PIXELS_PER_LINE_WIDTH))
    if ground_truth is not None:
        camera = draw_boxes_3d(camera, ground_truth, scaled_P2, ground_truth_color, thickness)
    if predictions is not None:
        camera = draw_boxes_3d(camera, predictions, scaled_P2, thickness=thickness)
    locations = [objects.locations[objects.names != DONT_CARE]
                 for objects in (ground_truth, predictions) if objects is not None]
    view = BirdsEyeView.fitting(np.concatenate([np.zeros((0, 3)), *locations]), height,
                                round(MAP_ASPECT * height))
    above = draw_birds_eye_view(ground_truth, predictions, scaled_P2, width, view)
    body = np.hstack([camera, above])
    legend = {'Ground truth': ground_truth_color} if ground_truth is not None else {}
    if predictions is not None:
        legend.update(class_colors)
        if not set(predictions.names) <= {DONT_CARE, *class_colors}:
            legend['Other'] = other_class_color
    return np.vstack([header(body.shape[1], round(height / 14), title, legend), body])


def header(width: int, height: int, title: str, legend: dict) -> np.ndarray:
    """A strip with the title at the left and colour keys at the right."""
    header = np.full((height, width, 3), to_bgr(_HEADER_BACKGROUND), dtype=np.uint8)
    letter = 0.36 * height
    baseline = (height + letter) / 2
    draw_text(header, title, (letter, baseline), _HEADER_TEXT, letter)
    right = width - letter
    for name, color in reversed(list(legend.items())):
        right -= text_size(name, letter)[0]
        draw_text(header, name, (right, baseline), _HEADER_TEXT, letter)
        right -= 1.6 * letter
        corner = (round(right), round((height - letter) / 2))
        cv2.rectangle(header, corner, (round(right + letter), round(baseline)), to_bgr(color), -1)
        right -= 1.6 * letter
    return header
