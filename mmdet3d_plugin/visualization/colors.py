"""Colour palette of all pictures and plots, safe for colour-blind readers.

Colours are ``'#rrggbb'`` strings. They are readable on photographs, on light pages and on dark
pages.
"""
from typing import Tuple

from ..structures.class_names import find_class

GROUND_TRUTH_COLOR = '#00d98b'
CLASS_COLORS = {'Car': '#ff9a1f', 'Pedestrian': '#ff5c93', 'Cyclist': '#35b6ff'}
OTHER_CLASS_COLOR = '#b9a7ff'
RIGHT_COLOR, WRONG_COLOR = GROUND_TRUTH_COLOR, '#ff4747'  # of nearest neighbours, by class
ACCENT_COLOR = '#5b8def'  # curves and dots that belong to no class
# Curves of one plot, told apart also by colour-blind readers (Okabe and Ito, 2008).
CURVE_COLORS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00')
PANEL_BACKGROUND, PANEL_TEXT = '#0b0e12', '#e8edf2'


def class_color(name: str) -> str:
    """Return the colour of a class.

    Args:
        name: class name. All classes that are not in ``CLASS_COLORS`` share one colour.

    Example:
        >>> class_color('Car'), class_color('Van')
        ('#ff9a1f', '#b9a7ff')
    """
    known = find_class(name, CLASS_COLORS)
    return OTHER_CLASS_COLOR if known is None else CLASS_COLORS[known]


def to_bgr(color: str) -> Tuple[int, int, int]:
    """Convert ``'#rrggbb'`` to the (blue, green, red) values 0-255 that OpenCV takes.

    Example:
        >>> to_bgr('#ff9a1f')
        (31, 154, 255)
    """
    red, green, blue = bytes.fromhex(color.lstrip('#'))
    return blue, green, red
