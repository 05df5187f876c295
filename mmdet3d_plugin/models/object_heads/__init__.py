"""3D heads: extractors of object features, branches on them, and depth heads."""
from .depth_heads import (
    DirectDepthHead,
    GeometricDepthHead,
    SelectedDepthHead,
    VisualAttributeDepthHead,
)
from .object_head_3d import ObjectHead3D
from .object_point_extractor import ObjectPointExtractor
from .object_roi_extractor import ObjectROIExtractor

__all__ = [
    'DirectDepthHead', 'GeometricDepthHead', 'ObjectHead3D', 'ObjectPointExtractor',
    'ObjectROIExtractor', 'SelectedDepthHead', 'VisualAttributeDepthHead'
]
