"""Decoder of disparity at several scales, for depth that is learned without labels.

Legend: B images, H x W input pixels.
"""
import math
from typing import List, NamedTuple, Optional, Sequence, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule

from ...errors import InputError
from ...self_supervision import disparity_to_depth


class DisparityOutput(NamedTuple):
    """Output of a disparity decoder for a batch.

    Attributes:
        disparities: (B, 1, H / 2^s, W / 2^s) in (0, 1) for each scale s, finest first.
        depth: (B, H, W) depth of the finest scale, in the unit of the camera's motion.
        feature: (B, C, H, W) feature map, the input of the finest prediction layer.
    """
    disparities: Tuple[torch.Tensor, ...]
    depth: torch.Tensor
    feature: torch.Tensor


@MODELS.register_module()
class DisparityDecoder(BaseModule):
    """U-Net decoder with a sigmoid disparity at each of the finest scales (Godard et al., 2019).

    Each level is a 3x3 convolution, nearest upsampling to the next finer map, its
    concatenation, and another 3x3 convolution, with reflection padding and ELU. A prediction
    layer per scale gives the disparity sigma, which stands for the depth
    ``1 / (1 / max + (1 / min - 1 / max) * sigma)``.

    Disparities and depth are computed in float32 under autocast too.

    Args:
        in_channels: channels of the backbone's maps, finest first. The finest map has half the
            input's resolution.
        channels: channels of each level, finest first; as many as ``in_channels``.
        num_scales: number of scales with a disparity.
        depth_range: depth of sigma 1 and of sigma 0, in the unit of the camera's motion.
        norm_cfg: config of a normalisation after each convolution, for trainings from scratch;
            the published decoder has none.
        initial_depth: depth that the biases of the prediction layers stand for before the
            training; by default they are random, and sigma is near 0.5.
        init_cfg: mmengine's weight initialisation.

    Raises:
        InputError: the numbers of levels differ, there are fewer levels than scales, or
            ``depth_range`` is not ``0 < minimum < maximum``, or ``initial_depth`` is not
            inside it.

    Example:
        >>> head = DisparityDecoder(in_channels=(8, 16), channels=(4, 8), num_scales=2)
        >>> maps = [torch.rand(1, 8, 16, 24), torch.rand(1, 16, 8, 12)]
        >>> output = head(maps, (32, 48))
        >>> [tuple(disparity.shape) for disparity in output.disparities]
        [(1, 1, 32, 48), (1, 1, 16, 24)]
    """

    def __init__(self, in_channels: Sequence[int],
                 channels: Sequence[int] = (16, 32, 64, 128, 256), num_scales: int = 4,
                 depth_range: Tuple[float, float] = (0.1, 100.),
                 norm_cfg: Optional[dict] = None, initial_depth: Optional[float] = None,
                 init_cfg=None) -> None:
        super().__init__(init_cfg)
        if not len(in_channels) == len(channels) >= num_scales >= 1:
            raise InputError(f'DisparityDecoder: {len(in_channels)} in_channels, {len(channels)} '
                             f'channels, {num_scales} scales; expected as many channels as '
                             'in_channels, and at most as many scales')
        self.min_depth, self.max_depth = depth_range
        if not 0 < self.min_depth < self.max_depth:
            raise InputError(f'DisparityDecoder: depth_range is {tuple(depth_range)}, expected '
                             '0 < minimum < maximum')
        if initial_depth is not None and not self.min_depth < initial_depth < self.max_depth:
            raise InputError(f'DisparityDecoder: initial_depth is {initial_depth}, expected a '
                             f'depth inside depth_range {tuple(depth_range)}')
        self.narrowing, self.joining = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(channels):  # finest first
            deeper = channels[level + 1] if level + 1 < len(channels) else in_channels[-1]
            skipped = in_channels[level - 1] if level else 0
            self.narrowing.append(_convolution(deeper, width, norm_cfg))
            self.joining.append(_convolution(width + skipped, width, norm_cfg))
        self.predictions = nn.ModuleList(
            nn.Conv2d(width, 1, 3, padding=1, padding_mode='reflect')
            for width in channels[:num_scales])
        self.initial_depth = initial_depth

    def init_weights(self) -> None:
        """Initialise the weights, and the biases of the prediction layers by ``initial_depth``."""
        super().init_weights()
        if self.initial_depth is not None:
            sigma = (1 / self.initial_depth - 1 / self.max_depth) \
                / (1 / self.min_depth - 1 / self.max_depth)
            for prediction in self.predictions:
                nn.init.constant_(prediction.bias, math.log(sigma / (1 - sigma)))

    @property
    def depth_range(self) -> Tuple[float, float]:
        """Smallest and largest depth."""
        return self.min_depth, self.max_depth

    def forward(self, maps: Sequence[torch.Tensor], input_size: Tuple[int, int]
                ) -> DisparityOutput:
        """Predict the disparity of each scale.

        Args:
            maps: feature maps (B, C, h, w) of the backbone, finest first.
            input_size: (H, W) of the input, pixels.

        Raises:
            InputError: the coarsest map has one row or column.
        """
        feature = maps[-1]
        features: List[torch.Tensor] = []
        if min(feature.shape[-2:]) < 2:
            raise InputError(f'DisparityDecoder: an input of {input_size[1]}x{input_size[0]} has '
                             'a coarsest map of one row or column, which reflection cannot pad; '
                             'use at least twice the stride of the backbone')
        for level in reversed(range(len(self.narrowing))):
            feature = self.narrowing[level](feature)
            size = maps[level - 1].shape[-2:] if level else input_size
            feature = F.interpolate(feature, tuple(size), mode='nearest')
            if level:
                feature = torch.cat([feature, maps[level - 1]], dim=1)
            feature = self.joining[level](feature)
            features.insert(0, feature)
        disparities = self._disparities(features)
        depth = disparity_to_depth(disparities[0], self.depth_range)[:, 0]
        return DisparityOutput(disparities, depth, feature)

    def _disparities(self, features: List[torch.Tensor]) -> Tuple[torch.Tensor, ...]:
        with torch.autocast(features[0].device.type, enabled=False):
            return tuple(prediction(feature.float()).sigmoid()
                         for prediction, feature in zip(self.predictions, features))


def _convolution(in_channels: int, out_channels: int, norm_cfg: Optional[dict]) -> ConvModule:
    return ConvModule(in_channels, out_channels, 3, padding=1, padding_mode='reflect',
                      norm_cfg=norm_cfg, act_cfg=dict(type='ELU'))
