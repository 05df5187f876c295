"""Planes that guide depth: BTS (Lee et al., From Big to Small, 2019).

Legend: B images, k input pixels a cell, C channels.
"""
import math
from typing import Sequence

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmdet3d.registry import MODELS
from mmengine.model import xavier_init

from .depth_decoder import DepthDecoder

# Radians by which planes tilt against the image at most (released code).
MAX_TILT = math.pi / 3
# Least product of a ray and a normal: a plane that is seen edge-on or from behind would be
# infinitely far, or behind the camera.
MIN_FACING = 1e-2
# Batch normalisation of the released code.
NORM = dict(type='BN', momentum=0.01, eps=1.1e-5)


def local_planar_guidance(planes: torch.Tensor, factor: int) -> torch.Tensor:
    """Depth of the planes along the rays of the pixels of their cells: ``n4 / (n1 u + n2 v
    + n3)`` (BTS, "Multi-Scale Local Planar Guidance").

    Rays are ``(u, v, 1)``, with u and v of the pixels' centres from the cell's, in cells.

    Args:
        planes: (B, 4, h, w) unit normals and distances from the camera, metres.
        factor: k.

    Returns:
        (B, 1, k h, k w) metres.
    """
    offsets = (torch.arange(factor, device=planes.device) - (factor - 1) / 2) / factor
    height, width = planes.shape[-2:]
    u, v = offsets.repeat(width), offsets.repeat(height)[:, None]
    n1, n2, n3, n4 = F.interpolate(planes, scale_factor=factor, mode='nearest').unbind(dim=1)
    return (n4 / (n1 * u + n2 * v + n3).clamp(min=MIN_FACING))[:, None]


class PlaneHead(nn.Module):
    """Planes of a map's cells, and the depth that they give.

    Args:
        in_channels, channels: of the map, and of the first of the 1x1 convolutions that halve
            them down to 8.
        factor: input pixels a cell.
        max_depth: of planes, metres.
    """

    def __init__(self, in_channels: int, channels: int, factor: int, max_depth: float) -> None:
        super().__init__()
        self.factor = factor
        self.max_depth = max_depth
        self.reduction = reduction(in_channels, channels, 3)

    def forward(self, feature: torch.Tensor) -> torch.Tensor:
        """(B, C, h, w) -> (B, 1, k h, k w) depth as a share of the largest, float32."""
        shares = self.reduction(feature).float().sigmoid()
        tilt, azimuth = MAX_TILT * shares[:, 0], 2 * math.pi * shares[:, 1]
        planes = torch.stack([tilt.sin() * azimuth.cos(), tilt.sin() * azimuth.sin(), tilt.cos(),
                              self.max_depth * shares[:, 2]], dim=1)
        return local_planar_guidance(planes, self.factor) / self.max_depth


def reduction(in_channels: int, channels: int, out_channels: int) -> nn.Sequential:
    """1x1 convolutions with ELU that halve ``channels`` down to 8, and a last one."""
    layers = []
    while channels >= 8:
        layers.append(conv(in_channels, channels, 1))
        in_channels, channels = channels, channels // 2
    return nn.Sequential(*layers, nn.Conv2d(in_channels, out_channels, 1, bias=False))


def conv(in_channels: int, out_channels: int, size: int = 3, norm: bool = False) -> ConvModule:
    """Convolution, ELU and, last, the normalisation."""
    return ConvModule(in_channels, out_channels, size, padding=size // 2, bias=False,
                      norm_cfg=NORM if norm else None, act_cfg=dict(type='ELU'),
                      order=('conv', 'act', 'norm'))


class UpConv(nn.Sequential):
    """Nearest upsampling by 2 and a convolution."""

    def __init__(self, in_channels: int, out_channels: int, norm: bool = True) -> None:
        super().__init__(nn.Upsample(scale_factor=2),
                         conv(in_channels, out_channels, norm=norm))


class AtrousConv(nn.Sequential):
    """A branch of the dense ASPP: 1x1 convolution and dilated 3x3 convolution, each after
    normalisation and ReLU."""

    def __init__(self, in_channels: int, out_channels: int, dilation: int,
                 norm: bool = True) -> None:
        order = dict(order=('norm', 'act', 'conv'), act_cfg=dict(type='ReLU'), bias=False,
                     inplace=False)
        super().__init__(
            ConvModule(in_channels, 2 * out_channels, 1, norm_cfg=NORM if norm else None,
                       **order),
            ConvModule(2 * out_channels, out_channels, 3, padding=dilation, dilation=dilation,
                       norm_cfg=dict(type='BN', momentum=0.01), **order))


@MODELS.register_module()
class BTSDecoder(DepthDecoder):
    """Dense ASPP at stride 8, and depth of local planes at strides 8, 4 and 2 that joins the
    features; sizes are those of the released code.

    Args:
        in_channels: of the backbone's five maps, strides 2 to 32.
        channels: of the first step; the later ones have a half to a sixteenth.
        dilations: of the dense ASPP.
        **kwargs: of :class:`DepthDecoder`.
    """

    def __init__(self, in_channels: Sequence[int], channels: int = 512,
                 dilations: Sequence[int] = (3, 6, 12, 18, 24), **kwargs) -> None:
        half, quarter, eighth, sixteenth = (channels // 2 ** k for k in range(1, 5))
        super().__init__(feature_channels=sixteenth, **kwargs)
        skip2, skip4, skip8, skip16, top = in_channels
        self.up16 = UpConv(top, channels)
        self.conv16 = conv(channels + skip16, channels)
        self.up8 = UpConv(channels, half)
        self.conv8 = conv(half + skip8, half, norm=True)
        # The first branch sees the convolved map alone, the others what they convolve
        # further: the joined map, and what the branches before made of it.
        self.aspp = nn.ModuleList(
            AtrousConv(half + (skip8 + quarter * index if index else 0), quarter, dilation,
                       norm=index > 0)
            for index, dilation in enumerate(dilations))
        self.aspp_conv = conv(half + quarter * len(dilations), quarter)
        self.planes8 = PlaneHead(quarter, quarter, 8, self.max_depth)
        self.up4 = UpConv(quarter, quarter)
        self.conv4 = conv(quarter + skip4 + 1, quarter)
        self.planes4 = PlaneHead(quarter, eighth, 4, self.max_depth)
        self.up2 = UpConv(quarter, eighth)
        self.conv2 = conv(eighth + skip2 + 1, eighth)
        self.planes2 = PlaneHead(eighth, sixteenth, 2, self.max_depth)
        self.up1 = UpConv(eighth, sixteenth, norm=False)
        self.reduction1 = reduction(sixteenth, sixteenth // 2, 1)
        self.conv1 = conv(sixteenth + 4, sixteenth)

    def init_weights(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                xavier_init(module, distribution='uniform')

    def decode(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        skip2, skip4, skip8, skip16, top = maps
        joined = self.conv16(torch.cat([self.up16(top), skip16], dim=1))
        joined = torch.cat([self.up8(joined), skip8], dim=1)
        feature = self._dense_aspp(joined)
        depth8 = self.planes8(feature)
        feature = self.conv4(torch.cat([self.up4(feature), skip4, every(depth8, 4)], dim=1))
        depth4 = self.planes4(feature)
        feature = self.conv2(torch.cat([self.up2(feature), skip2, every(depth4, 2)], dim=1))
        depth2 = self.planes2(feature)
        feature = self.up1(feature)
        depth1 = self.reduction1(feature).float().sigmoid()
        return self.conv1(torch.cat([feature, depth1, depth2, depth4, depth8], dim=1))

    def _dense_aspp(self, joined: torch.Tensor) -> torch.Tensor:
        """(B, C, h, w) joined map of stride 8 -> (B, C / 4, h, w)."""
        outputs = [self.conv8(joined)]
        for index, branch in enumerate(self.aspp):
            seen = [joined, *outputs[1:]] if index else outputs
            outputs.append(branch(torch.cat(seen, dim=1)))
        return self.aspp_conv(torch.cat(outputs, dim=1))


def every(depth: torch.Tensor, step: int) -> torch.Tensor:
    """Every ``step``-th pixel of (B, 1, H, W)."""
    return depth[..., ::step, ::step]
