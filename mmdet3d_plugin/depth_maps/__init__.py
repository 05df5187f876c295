"""Dense depth on numpy alone: files, crops, and errors of whole maps.

A depth map is (H, W) float32, metres, 0 where the depth is unknown.
"""
from .crops import CROPS, crop_bounds
from .errors import METRICS, DepthEvaluation, DepthProtocol
from .files import KITTI_SCALE, NYU_SCALE, depth_map_size, read_depth_map, write_depth_map
from .labelled_nyu import is_labelled, labelled_name, read_labelled
from .splits import DepthPair, locate_depth, read_depth_split

__all__ = [
    'CROPS', 'KITTI_SCALE', 'METRICS', 'NYU_SCALE', 'DepthEvaluation', 'DepthPair',
    'DepthProtocol', 'crop_bounds', 'depth_map_size', 'is_labelled', 'labelled_name',
    'locate_depth', 'read_depth_map', 'read_depth_split', 'read_labelled', 'write_depth_map'
]
