"""Pictures, plots and report pages of detections and depth maps.

Depends on numpy, OpenCV and matplotlib alone. Pictures are uint8 arrays in BGR order.
"""
from .birds_eye_view import BirdsEyeView, draw_birds_eye_view
from .boxes_on_image import draw_boxes_3d
from .color_scales import UNKNOWN_COLOR, ColorScale, depth_scale, disparity_scale, error_scale
from .colors import CLASS_COLORS, GROUND_TRUTH_COLOR
from .depth_maps import depth_panel, depth_picture, error_picture
from .detection_panel import frame_panel
from .feature_maps import feature_colors
from .motion_hint_panel import MotionHints, motion_hint_panel
from .report import write_depth_report, write_report
from .sample_weights import sample_panel

__all__ = [
    'BirdsEyeView', 'CLASS_COLORS', 'ColorScale', 'GROUND_TRUTH_COLOR', 'MotionHints',
    'UNKNOWN_COLOR', 'depth_panel', 'depth_picture', 'depth_scale', 'disparity_scale',
    'draw_birds_eye_view', 'draw_boxes_3d', 'error_picture', 'error_scale', 'feature_colors',
    'frame_panel', 'motion_hint_panel', 'sample_panel', 'write_depth_report', 'write_report'
]
