"""Pictures, plots and report pages of detections, depth maps and embeddings.

Depends on numpy, OpenCV and matplotlib alone. Pictures are uint8 arrays in BGR order.
"""
from .birds_eye_view import BirdsEyeView, draw_birds_eye_view
from .boxes_on_image import draw_boxes_3d
from .color_scales import UNKNOWN_COLOR, ColorScale, depth_scale, disparity_scale, error_scale
from .colors import CLASS_COLORS, GROUND_TRUTH_COLOR
from .depth_maps import depth_panel, depth_picture, error_picture
from .depth_report import write_depth_report
from .detection_panel import frame_panel
from .detection_report import write_report
from .embedding_plot import embedding_coordinates, embedding_plot, spread_points
from .embedding_report import write_embedding_report
from .feature_maps import feature_colors
from .frame_entries import detection_entry, picture_entry, scene_entry
from .motion_hint_panel import MotionHints, motion_hint_panel
from .neighbour_sheet import QueryRow, neighbour_sheet
from .piece_picture import piece_picture
from .sample_weights import sample_panel

__all__ = [
    'CLASS_COLORS',
    'GROUND_TRUTH_COLOR',
    'UNKNOWN_COLOR',
    'BirdsEyeView',
    'ColorScale',
    'MotionHints',
    'QueryRow',
    'depth_panel',
    'depth_picture',
    'depth_scale',
    'detection_entry',
    'disparity_scale',
    'draw_birds_eye_view',
    'draw_boxes_3d',
    'embedding_coordinates',
    'embedding_plot',
    'error_picture',
    'error_scale',
    'feature_colors',
    'frame_panel',
    'motion_hint_panel',
    'neighbour_sheet',
    'picture_entry',
    'piece_picture',
    'sample_panel',
    'scene_entry',
    'spread_points',
    'write_depth_report',
    'write_embedding_report',
    'write_report'
]
