"""Header strip above a panel: title and legend."""
from typing import Dict

import cv2
import numpy as np

from .colors import PANEL_BACKGROUND, PANEL_TEXT, to_bgr
from .primitives import draw_text, text_size


def panel_header(width: int, height: int, title: str, legend: Dict[str, str]) -> np.ndarray:
    """Draw a strip with the title at the left and the legend at the right.

    Args:
        width, height: size of the strip, pixels.
        title: text at the left.
        legend: colour (``'#rrggbb'``) by name, from left to right.

    Returns:
        (height, width, 3) uint8, BGR.

    Example:
        >>> panel_header(600, 30, 'frame 7', {'Car': '#ff9a1f'}).shape
        (30, 600, 3)
    """
    strip = np.full((height, width, 3), to_bgr(PANEL_BACKGROUND), dtype=np.uint8)
    letter = 0.36 * height
    baseline = (height + letter) / 2
    draw_text(strip, title, (letter, baseline), PANEL_TEXT, letter)
    draw_legend(strip, legend, width - letter, baseline, letter)
    return strip


def draw_legend(strip: np.ndarray, legend: Dict[str, str], right: float, baseline: float,
                letter: float) -> None:
    """Draw names with a square of their colour before each.

    Args:
        strip: (H, W, 3) uint8, BGR; changed in place.
        legend: colour (``'#rrggbb'``) by name, from left to right.
        right: right end of the last name, pixels.
        baseline: row of the baseline, pixels.
        letter: height of a capital letter, pixels.
    """
    for name, color in reversed(list(legend.items())):
        right -= text_size(name, letter)[0]
        draw_text(strip, name, (right, baseline), PANEL_TEXT, letter)
        right -= 1.6 * letter
        corner = (round(right), round(baseline - letter))
        cv2.rectangle(strip, corner, (round(right + letter), round(baseline)), to_bgr(color), -1)
        right -= 1.6 * letter
