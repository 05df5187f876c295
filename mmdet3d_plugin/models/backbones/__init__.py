"""Backbones besides those of mmdet3d, and initialisation from ImageNet weights."""
from .dla import DLAImageNetInit, SlimDLANet
from .torchvision_backbone import TorchvisionBackbone, TorchvisionImageNetInit

__all__ = [
    'DLAImageNetInit', 'SlimDLANet', 'TorchvisionBackbone', 'TorchvisionImageNetInit'
]
