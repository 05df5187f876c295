"""A lightweight decoder: upsampling, skips and convolutions."""
from typing import Optional, Sequence

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmdet3d.registry import MODELS

from ...errors import InputError
from .depth_decoder import DepthDecoder


@MODELS.register_module()
class LTDecoder(DepthDecoder):
    """The decoder of MetricDepth's light UNet (section IV-C).

    Each step brings the map to the size of the next finer map of the backbone, bilinearly,
    joins the two and applies two convolutions with leaky ReLU. The paper names these layers,
    not their numbers, which are ours.

    Args:
        in_channels: of the backbone's maps, finest first.
        channels: of each step, coarsest first; as many steps as there are, up to one for
            each of the backbone's finer maps.
        norm_cfg: of the convolutions; the paper tells of none.
        **kwargs: of :class:`DepthDecoder`.

    Raises:
        InputError: more steps than finer maps.
    """

    def __init__(self, in_channels: Sequence[int], channels: Sequence[int],
                 norm_cfg: Optional[dict] = None, **kwargs) -> None:
        super().__init__(feature_channels=channels[-1], **kwargs)
        if len(channels) >= len(in_channels):
            raise InputError(f'LTDecoder: {len(channels)} steps, in channels, for '
                             f'{len(in_channels)} maps; expected at most {len(in_channels) - 1}')
        settings = dict(padding=1, norm_cfg=norm_cfg, act_cfg=dict(type='LeakyReLU'))
        coarser = [in_channels[-1], *channels]
        self.steps = nn.ModuleList(
            nn.Sequential(ConvModule(below + skip, width, 3, **settings),
                          ConvModule(width, width, 3, **settings))
            for below, skip, width in zip(coarser, in_channels[-2::-1], channels))

    def decode(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        feature = maps[-1]
        for step, skip in zip(self.steps, maps[-2::-1]):
            feature = F.interpolate(feature, skip.shape[-2:], mode='bilinear')
            feature = step(torch.cat([feature, skip], dim=1))
        return feature
