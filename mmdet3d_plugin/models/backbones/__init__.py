"""Backbones besides those of mmdet3d, and initialisation from ImageNet weights."""
from .dla import DLAImageNetInit, SlimDLANet
from .partial_forward import first_maps, later_maps
from .torchvision_backbone import TorchvisionBackbone, TorchvisionImageNetInit

__all__ = [
    'DLAImageNetInit', 'SlimDLANet', 'TorchvisionBackbone', 'TorchvisionImageNetInit',
    'first_maps', 'later_maps'
]
