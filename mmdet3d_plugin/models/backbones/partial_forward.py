"""Forward passes of the first and of the later stages of a backbone.

Multi-frame networks compare feature maps of an early stage, fuse the result with the map of the
target, and run the later stages on the fused map.
"""
from typing import Tuple

import torch
import torch.nn as nn
from mmdet3d.models.backbones.dla import DLANet

from ...errors import InputError
from .torchvision_backbone import TorchvisionBackbone

Maps = Tuple[torch.Tensor, ...]


def first_maps(backbone: nn.Module, images: torch.Tensor, count: int) -> Maps:
    """Compute the first feature maps that a backbone returns, and no later stage.

    Args:
        backbone: :class:`TorchvisionBackbone` without skip connections across the stages, or a
            DLANet.
        images: (B, 3, H, W), normalised.
        count: number of maps.

    Returns:
        (B, C, h, w) per map, finest first.

    Raises:
        InputError: the backbone cannot be divided into stages.

    Example:
        >>> backbone = TorchvisionBackbone('resnet18', ['relu', 'layer1', 'layer2'])
        >>> maps = first_maps(backbone.eval(), torch.rand(1, 3, 32, 32), count=2)
        >>> [tuple(level.shape) for level in maps]
        [(1, 64, 16, 16), (1, 64, 8, 8)]
    """
    if isinstance(backbone, TorchvisionBackbone):
        return backbone.first_maps(images, count)
    feature = _dla(backbone).base_layer(images)
    maps: Tuple[torch.Tensor, ...] = ()
    for level in range(backbone.out_indices[count - 1] + 1):
        feature = getattr(backbone, f'level{level}')(feature)
        if level in backbone.out_indices:
            maps += (feature,)
    return maps


def later_maps(backbone: nn.Module, feature: torch.Tensor, count: int) -> Maps:
    """Compute the feature maps after the first ones, from the last of the first ones.

    Args:
        backbone: as in :func:`first_maps`.
        feature: (B, C, h, w), in place of the map at position ``count - 1``.
        count: number of maps that precede.

    Returns:
        (B, C, h, w) per map, finest first.

    Raises:
        InputError: the backbone cannot be divided into stages.

    Example:
        >>> backbone = TorchvisionBackbone('resnet18', ['relu', 'layer1', 'layer2']).eval()
        >>> images = torch.rand(1, 3, 32, 32)
        >>> early = first_maps(backbone, images, count=2)
        >>> bool((later_maps(backbone, early[1], count=2)[0] == backbone(images)[2]).all())
        True
    """
    if isinstance(backbone, TorchvisionBackbone):
        return backbone.later_maps(feature, count)
    maps: Tuple[torch.Tensor, ...] = ()
    for level in range(_dla(backbone).out_indices[count - 1] + 1, backbone.num_levels):
        feature = getattr(backbone, f'level{level}')(feature)
        if level in backbone.out_indices:
            maps += (feature,)
    return maps


def _dla(backbone: nn.Module) -> DLANet:
    if not isinstance(backbone, DLANet):
        raise InputError(f'{type(backbone).__name__} cannot be divided into stages; multi-frame '
                         'networks take a TorchvisionBackbone or a DLANet')
    return backbone
