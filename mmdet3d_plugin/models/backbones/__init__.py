"""Backbones besides those of mmdet3d, and initialisation from ImageNet weights."""
from .dla import DLAImageNetInit, SlimDLANet
from .encoder_init import EncoderInit
from .frozen_backbone import FrozenBackbone
from .partial_forward import first_maps, later_maps
from .pretrained_init import CheckedPretrainedInit
from .timm_backbone import PackageImageNetInit, TimmBackbone
from .torchvision_backbone import TorchvisionBackbone, TorchvisionImageNetInit

__all__ = [
    'CheckedPretrainedInit', 'DLAImageNetInit', 'EncoderInit', 'FrozenBackbone',
    'PackageImageNetInit', 'SlimDLANet', 'TimmBackbone', 'TorchvisionBackbone',
    'TorchvisionImageNetInit', 'first_maps', 'later_maps'
]
