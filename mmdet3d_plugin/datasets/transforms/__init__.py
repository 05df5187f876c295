"""Pipeline transforms for monocular 3D detection and depth.

They read and write mmdet3d's result keys, so mmdet3d's own detectors can use them too.
"""
from .clip_color import ClipColorJitter
from .clip_loading import LoadClip, LoadClipInstances
from .color import RandomGammaColor
from .crop_loading import LoadCrop
from .crop_rotate import CropRotate
from .crop_scale import CropScaleAffine
from .filter_objects import FilterObjects
from .flip import RandomFlipMono3D
from .loading import LoadAnnotationsMono3D, LoadDepthMap, LoadImageMono3D
from .mix_transform import MixTransform
from .mixup3d import MixUp3D
from .packing import PackMono3DInputs
from .random_shift import RandomShiftMono3D
from .relabel_instances import RelabelInstances, relabel_instances
from .views import MakeViews, PackViews

__all__ = [
    'ClipColorJitter', 'CropRotate', 'CropScaleAffine', 'FilterObjects', 'LoadAnnotationsMono3D',
    'LoadClip', 'LoadClipInstances', 'LoadCrop', 'LoadDepthMap', 'LoadImageMono3D', 'MakeViews',
    'MixTransform', 'MixUp3D', 'PackMono3DInputs', 'PackViews', 'RandomFlipMono3D',
    'RandomGammaColor', 'RandomShiftMono3D', 'RelabelInstances', 'relabel_instances'
]
