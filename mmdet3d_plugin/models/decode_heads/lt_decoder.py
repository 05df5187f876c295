"""Lightweight decode head: upsampling, skip connections and convolutions."""
from typing import Optional, Sequence

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmdet3d.registry import MODELS

from ...errors import InputError
from .depth_decode_head import DepthDecodeHead


@MODELS.register_module()
class LTDecoder(DepthDecodeHead):
    """Decoder of MetricDepth's light UNet (section IV-C).

    Each step resizes the map to the size of the backbone's next finer map by bilinear
    interpolation, concatenates the two, and applies two 3x3 convolutions with leaky ReLU. The
    paper names these layers but not their widths; the widths are this project's choice.

    Args:
        in_channels: channels of the backbone's maps, finest first.
        channels: output channels of each step, coarsest first. The number of steps is at most
            ``len(in_channels) - 1``.
        norm_cfg: normalisation of the convolutions; the paper mentions none.
        **kwargs: arguments of :class:`DepthDecodeHead`.

    Raises:
        InputError: there are as many steps as backbone maps, or more.

    Example:
        >>> import torch
        >>> from mmdet3d.registry import MODELS
        >>> import mmdet3d_plugin.models
        >>> head = MODELS.build(dict(
        ...     type='LTDecoder', in_channels=(8, 16, 32), channels=(16, 8),
        ...     depth_range=(1., 80.), loss_depth=dict(type='ScaleInvariantLogLoss')))
        >>> maps = [torch.rand(2, 8 * 2 ** level, 16 // 2 ** level, 24 // 2 ** level)
        ...         for level in range(3)]
        >>> output = head(maps, input_size=(64, 96))
        >>> tuple(output.depth.shape), tuple(output.feature.shape)
        ((2, 64, 96), (2, 8, 16, 24))
        >>> sorted(head.loss(output, target=torch.full((2, 64, 96), 20.)))
        ['loss_depth']
    """

    def __init__(self, in_channels: Sequence[int], channels: Sequence[int],
                 norm_cfg: Optional[dict] = None, **kwargs) -> None:
        super().__init__(feature_channels=channels[-1], **kwargs)
        if len(channels) >= len(in_channels):
            raise InputError(f'LTDecoder: channels has {len(channels)} steps for '
                             f'{len(in_channels)} maps; expected at most {len(in_channels) - 1}')
        settings = dict(padding=1, norm_cfg=norm_cfg, act_cfg=dict(type='LeakyReLU'))
        coarser_channels = [in_channels[-1], *channels]
        self.steps = nn.ModuleList(
            nn.Sequential(ConvModule(coarser + skip, width, 3, **settings),
                          ConvModule(width, width, 3, **settings))
            for coarser, skip, width in zip(coarser_channels, in_channels[-2::-1], channels))

    def decode(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """See :meth:`DepthDecodeHead.decode`."""
        feature = maps[-1]
        for step, skip in zip(self.steps, maps[-2::-1]):
            feature = F.interpolate(feature, skip.shape[-2:], mode='bilinear')
            feature = step(torch.cat([feature, skip], dim=1))
        return feature
