"""Panel of one frame's detections: camera image and bird's-eye view side by side."""
from typing import Optional

import cv2
import numpy as np

from ..structures.object_table import DONT_CARE, ObjectTable
from .birds_eye_view import BirdsEyeView, draw_birds_eye_view
from .boxes_on_image import draw_boxes_3d
from .colors import CLASS_COLORS, GROUND_TRUTH_COLOR, OTHER_CLASS_COLOR
from .panel_header import panel_header

PANEL_HEIGHT = 540  # pixels, without the header
MAP_ASPECT = 0.8  # width of the bird's-eye view over its height
_PIXELS_PER_LINE_WIDTH = 270  # lines are one pixel thicker per this many pixels of image height


def frame_panel(image: np.ndarray, P2: np.ndarray,
                ground_truth: Optional[ObjectTable] = None,
                predictions: Optional[ObjectTable] = None, title: str = '',
                height: int = PANEL_HEIGHT, map_depth: Optional[float] = None) -> np.ndarray:
    """Draw title, legend, camera image with 3D boxes, and bird's-eye view of a frame.

    The image is resized to ``height`` before boxes are drawn. All predictions are drawn: select
    those of high score beforehand.

    Args:
        image: (H, W, 3) uint8, BGR; not changed.
        P2: (3, 4) projection from the camera frame (metres) to pixels of ``image``.
        ground_truth: annotated objects, drawn in green; None leaves them out of the legend.
        predictions: predicted objects, drawn in the colours of their classes; None leaves
            them out of the legend.
        title: text at the left of the header.
        height: height of image and bird's-eye view, pixels.
        map_depth: metres ahead that the bird's-eye view shows; by default they fit the objects.

    Returns:
        uint8 BGR image, higher than ``height`` by the header.

    Example:
        >>> P2 = np.array([[100., 0., 100., 0.], [0., 100., 50., 0.], [0., 0., 1., 0.]])
        >>> row = [0, 0, 0, 0, 0, 9, 9, 1.5, 1.6, 4., 0., 1., 20., 0]
        >>> car = ObjectTable.from_table(['Car'], np.array([row]))
        >>> frame_panel(np.zeros((100, 200, 3), np.uint8), P2, car, height=280).shape
        (300, 784, 3)
    """
    scale = height / image.shape[0]
    width = round(image.shape[1] * scale)
    camera = cv2.resize(image, (width, height),
                        interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    scaled_P2 = np.diag([width / image.shape[1], scale, 1.]) @ P2
    thickness = max(1, round(height / _PIXELS_PER_LINE_WIDTH))
    if ground_truth is not None:
        camera = draw_boxes_3d(camera, ground_truth, scaled_P2, GROUND_TRUTH_COLOR, thickness)
    if predictions is not None:
        camera = draw_boxes_3d(camera, predictions, scaled_P2, thickness=thickness)
    locations = [objects.locations[objects.names != DONT_CARE]
                 for objects in (ground_truth, predictions) if objects is not None]
    map_width = round(MAP_ASPECT * height)
    if map_depth is None:
        view = BirdsEyeView.fitting(np.concatenate([np.zeros((0, 3)), *locations]), height,
                                    map_width)
    else:
        view = BirdsEyeView.of_depth(map_depth, height, map_width)
    above = draw_birds_eye_view(ground_truth, predictions, scaled_P2, width, view)
    body = np.hstack([camera, above])
    legend = {'Ground truth': GROUND_TRUTH_COLOR} if ground_truth is not None else {}
    if predictions is not None:
        legend.update(CLASS_COLORS)
        if not set(predictions.names) <= {DONT_CARE, *CLASS_COLORS}:
            legend['Other'] = OTHER_CLASS_COLOR
    return np.vstack([panel_header(body.shape[1], round(height / 14), title, legend), body])
