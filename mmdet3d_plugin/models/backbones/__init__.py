"""Backbones beside mmdet3d's, and ImageNet weights for them and its DLANet."""
from .dla import DLAImageNetInit, SlimDLANet
from .torchvision_backbone import TorchvisionBackbone, TorchvisionImageNetInit

__all__ = [
    'DLAImageNetInit', 'SlimDLANet', 'TorchvisionBackbone', 'TorchvisionImageNetInit'
]
