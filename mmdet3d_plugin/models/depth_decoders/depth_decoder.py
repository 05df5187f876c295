"""What all depth decoders share: the prediction layer, and the loss of its depth.

Legend: B images, H x W input pixels, h x w cells of the finest feature map.
"""
from typing import Dict, NamedTuple, Optional, Sequence, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule

from ...errors import InputError


class DepthOutput(NamedTuple):
    """What a decoder tells of a batch.

    Attributes:
        depth: (B, H, W) float32, metres.
        feature: (B, C, h, w), the map that the prediction layer reads.
    """
    depth: torch.Tensor
    feature: torch.Tensor


class DepthDecoder(BaseModule):
    """From a backbone's maps to depth: subclasses make the feature map, in :meth:`decode`,
    that the prediction layer reads.

    Depth is the largest depth times a sigmoid, as in BTS and NeWCRFs, brought to the input's
    size by bilinear interpolation. Both are computed in float32 under autocast, too: bfloat16
    would round 50 m to a quarter of a metre.

    Args:
        feature_channels: C, of the map that :meth:`decode` makes.
        depth_range: least and largest depth, metres. What lies outside is not learned.
        loss_depth: config of the loss, called with depth, target and valid (B, H, W).
        reference_focal: focal length, input pixels, at which the prediction is the depth; at
            others it is scaled in proportion, for the same object looks as large at twice
            the depth through twice the focal length (BTS on KITTI, released code). None
            leaves it as it is.

    Raises:
        InputError: ``depth_range`` is not ``0 < least < largest``.
    """

    def __init__(self, feature_channels: int, depth_range: Tuple[float, float], loss_depth: dict,
                 reference_focal: Optional[float] = None, init_cfg=None) -> None:
        super().__init__(init_cfg)
        self.min_depth, self.max_depth = depth_range
        if not 0 < self.min_depth < self.max_depth:
            raise InputError(f'{type(self).__name__}: depth_range is {tuple(depth_range)}, '
                             'expected 0 < least < largest metres')
        self.reference_focal = reference_focal
        self.prediction = nn.Conv2d(feature_channels, 1, 3, padding=1)
        self.loss_depth = MODELS.build(loss_depth)

    def decode(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """The backbone's maps, finest first -> (B, C, h, w)."""
        raise NotImplementedError

    def forward(self, maps: Sequence[torch.Tensor], input_size: Tuple[int, int],
                focals: Optional[torch.Tensor] = None) -> DepthOutput:
        """
        Args:
            maps: of the backbone, finest first.
            input_size: (H, W), pixels.
            focals: (B,) focal lengths of the inputs, input pixels.

        Raises:
            InputError: focal lengths are needed, but not given.
        """
        feature = self.decode(maps)
        with torch.autocast(feature.device.type, enabled=False):
            depth = self.max_depth * self.prediction(feature.float()).sigmoid()
            depth = F.interpolate(depth, input_size, mode='bilinear')[:, 0]
        if self.reference_focal is not None:
            if focals is None:
                raise InputError(f'{type(self).__name__}: reference_focal needs the samples, '
                                 'whose cam2img tells the focal length')
            depth = depth * (focals / self.reference_focal).view(-1, 1, 1)
        return DepthOutput(depth, feature)

    def loss(self, output: DepthOutput, target: torch.Tensor) -> Dict[str, torch.Tensor]:
        """``loss_depth``.

        Args:
            target: (B, H, W) metres, 0 where unknown.
        """
        return dict(loss_depth=self.loss_depth(output.depth, target, target > 0))
