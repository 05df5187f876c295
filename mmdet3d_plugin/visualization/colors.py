"""The palette of every picture and plot, safe for colour-blind readers.

Colours are ``'#rrggbb'``; :func:`to_bgr` turns one into what OpenCV draws. They
read on photographs as well as on light and dark pages.
"""
from typing import Tuple

ground_truth_color = '#00d98b'
class_colors = {'Car': '#ff9a1f', 'Pedestrian': '#ff5c93', 'Cyclist': '#35b6ff'}
other_class_color = '#b9a7ff'


def class_color(name: str) -> str:
    """The colour of a class; classes outside KITTI's three share one."""
    return class_colors.get(name, other_class_color)


def to_bgr(color: str) -> Tuple[int, int, int]:
    """``'#rrggbb'`` to (blue, green, red), each 0-255."""
    red, green, blue = bytes.fromhex(color.lstrip('#'))
    return blue, green, red
