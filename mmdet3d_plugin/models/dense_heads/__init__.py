"""Dense heads: predictions at every cell of a feature map."""
from .center_head_2d import CenterHead2D

__all__ = ['CenterHead2D']
