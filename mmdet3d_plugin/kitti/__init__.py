"""KITTI's file formats and its official evaluation, on numpy alone.

Nothing here imports torch or OpenMMLab, so command-line tools start at once.
"""
from .calibration import KittiCalibration, read_calibration, write_calibration
from .objects import KittiObjects, read_objects, write_objects
from .splits import read_split, write_split

__all__ = [
    'KittiCalibration', 'KittiObjects', 'read_calibration', 'read_objects',
    'read_split', 'write_calibration', 'write_objects', 'write_split'
]
