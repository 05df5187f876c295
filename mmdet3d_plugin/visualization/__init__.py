"""Pictures and reports of detections, on numpy, OpenCV and matplotlib alone."""
from ..kitti.depth_errors import DEPTH_BINS, DepthErrors, depth_errors
from .birds_eye_view import BirdsEyeView, draw_birds_eye_view
from .boxes import corners_3d, draw_boxes_3d
from .colors import class_colors, ground_truth_color
from .panels import frame_panel
from .report import write_report
from .sample_weights import sample_panel
from .scalars import read_scalars, read_training_log

__all__ = [
    'BirdsEyeView', 'DEPTH_BINS', 'DepthErrors', 'class_colors', 'corners_3d',
    'depth_errors', 'draw_birds_eye_view', 'draw_boxes_3d', 'frame_panel',
    'ground_truth_color', 'read_scalars', 'read_training_log', 'sample_panel',
    'write_report'
]
