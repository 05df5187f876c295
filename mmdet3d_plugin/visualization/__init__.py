"""Pictures and reports of detections and depth maps, on numpy, OpenCV and matplotlib alone."""
from .birds_eye_view import BirdsEyeView, draw_birds_eye_view
from .boxes import draw_boxes_3d
from .color_scales import UNKNOWN_COLOR, ColorScale, depth_scale, error_scale
from .colors import class_colors, ground_truth_color
from .depth_maps import depth_panel, depth_picture, error_picture
from .feature_maps import feature_colors
from .panels import frame_panel
from .report import write_depth_report, write_report
from .sample_weights import sample_panel

__all__ = [
    'BirdsEyeView', 'ColorScale', 'UNKNOWN_COLOR', 'class_colors', 'depth_panel',
    'depth_picture', 'depth_scale', 'draw_birds_eye_view', 'draw_boxes_3d', 'error_picture',
    'error_scale', 'feature_colors', 'frame_panel', 'ground_truth_color', 'sample_panel',
    'write_depth_report', 'write_report'
]
