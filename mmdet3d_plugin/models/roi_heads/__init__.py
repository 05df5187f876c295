"""ROI heads."""
from .object_head_3d import ObjectHead3D
from .object_roi_extractor import ObjectROIExtractor

__all__ = ['ObjectHead3D', 'ObjectROIExtractor']
