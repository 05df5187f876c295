"""Pictures and reports of detections and depth maps, on numpy, OpenCV and matplotlib alone."""
from ..kitti.depth_errors import DEPTH_BINS, DepthErrors, depth_errors
from .birds_eye_view import BirdsEyeView, draw_birds_eye_view
from .boxes import corners_3d, draw_boxes_3d
from .color_scales import UNKNOWN_COLOR, ColorScale, depth_scale, error_scale
from .colors import class_colors, ground_truth_color
from .depth_maps import depth_panel, depth_picture, error_picture
from .distance_errors import DISTANCE_ERRORS, DistanceErrors, read_distance_errors
from .feature_maps import feature_colors
from .panels import frame_panel
from .report import write_depth_report, write_report
from .sample_weights import sample_panel
from .scalars import read_scalars, read_training_log

__all__ = [
    'BirdsEyeView', 'ColorScale', 'DEPTH_BINS', 'DISTANCE_ERRORS', 'DepthErrors',
    'DistanceErrors', 'UNKNOWN_COLOR', 'class_colors', 'corners_3d', 'depth_errors',
    'depth_panel', 'depth_picture', 'depth_scale', 'draw_birds_eye_view', 'draw_boxes_3d',
    'error_picture', 'error_scale', 'feature_colors', 'frame_panel', 'ground_truth_color',
    'read_distance_errors', 'read_scalars', 'read_training_log', 'sample_panel',
    'write_depth_report', 'write_report'
]
