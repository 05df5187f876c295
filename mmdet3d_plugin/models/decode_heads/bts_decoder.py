"""BTS decode head with local planar guidance (Lee et al., From Big to Small, 2019).

Legend: B images, C channels, h x w cells, k input pixels per cell along each side.
"""
import math
from typing import Sequence

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmdet3d.registry import MODELS
from mmengine.model import xavier_init

from .depth_decode_head import DepthDecodeHead

# Maximum angle between a plane's normal and the optical axis, radians (released code).
MAX_TILT = math.pi / 3
# Minimum product of a ray and a normal. Below it, a plane seen edge-on or from behind would be
# infinitely far away or behind the camera.
MIN_FACING = 1e-2
# Batch normalisation of the released code.
NORM = dict(type='BN', momentum=0.01, eps=1.1e-5)


def local_planar_guidance(planes: torch.Tensor, factor: int) -> torch.Tensor:
    """Intersect the viewing rays of a cell's pixels with the cell's plane.

    Depth is ``n4 / (n1 u + n2 v + n3)`` (BTS, "Multi-Scale Local Planar Guidance"). The ray of
    a pixel is ``(u, v, 1)``: u and v are the offsets of the pixel's centre from the centre of
    its cell, in units of cells.

    Args:
        planes: (B, 4, h, w) unit normals ``(n1, n2, n3)`` and distances ``n4`` from the
            camera, metres.
        factor: k, input pixels per cell.

    Returns:
        (B, 1, k h, k w) depth, metres.

    Example:
        >>> import torch
        >>> facing = torch.tensor([0., 0., 1., 7.]).view(1, 4, 1, 1)
        >>> local_planar_guidance(facing, factor=2)[0, 0]
        tensor([[7., 7.],
                [7., 7.]])
    """
    offsets = (torch.arange(factor, device=planes.device) - (factor - 1) / 2) / factor
    height, width = planes.shape[-2:]
    u, v = offsets.repeat(width), offsets.repeat(height)[:, None]
    n1, n2, n3, n4 = F.interpolate(planes, scale_factor=factor, mode='nearest').unbind(dim=1)
    return (n4 / (n1 * u + n2 * v + n3).clamp(min=MIN_FACING))[:, None]


class PlaneHead(nn.Module):
    """Predictor of one plane per cell and of the depth of these planes.

    Args:
        in_channels: channels of the input map.
        channels: output channels of the first 1x1 convolution. Each further convolution has
            half as many, down to 8.
        factor: k, input pixels per cell.
        max_depth: maximum distance of a plane, metres.
    """

    def __init__(self, in_channels: int, channels: int, factor: int, max_depth: float) -> None:
        super().__init__()
        self.factor = factor
        self.max_depth = max_depth
        self.reduction = reduction(in_channels, channels, 3)

    def forward(self, feature: torch.Tensor) -> torch.Tensor:
        """Predict depth relative to ``max_depth``.

        Args:
            feature: (B, C, h, w).

        Returns:
            (B, 1, k h, k w) depth divided by ``max_depth``, float32.
        """
        shares = self.reduction(feature).float().sigmoid()
        tilt, azimuth = MAX_TILT * shares[:, 0], 2 * math.pi * shares[:, 1]
        planes = torch.stack([tilt.sin() * azimuth.cos(), tilt.sin() * azimuth.sin(), tilt.cos(),
                              self.max_depth * shares[:, 2]], dim=1)
        return local_planar_guidance(planes, self.factor) / self.max_depth


def reduction(in_channels: int, channels: int, out_channels: int) -> nn.Sequential:
    """Build 1x1 convolutions with ELU that halve ``channels`` down to 8, and an output layer."""
    layers = []
    while channels >= 8:
        layers.append(conv(in_channels, channels, 1))
        in_channels, channels = channels, channels // 2
    return nn.Sequential(*layers, nn.Conv2d(in_channels, out_channels, 1, bias=False))


def conv(in_channels: int, out_channels: int, size: int = 3, norm: bool = False) -> ConvModule:
    """Build a convolution, ELU and, if ``norm``, batch normalisation, in this order."""
    return ConvModule(in_channels, out_channels, size, padding=size // 2, bias=False,
                      norm_cfg=NORM if norm else None, act_cfg=dict(type='ELU'),
                      order=('conv', 'act', 'norm'))


class UpConv(nn.Sequential):
    """Nearest-neighbour upsampling by 2 and a 3x3 convolution."""

    def __init__(self, in_channels: int, out_channels: int, norm: bool = True) -> None:
        super().__init__(nn.Upsample(scale_factor=2),
                         conv(in_channels, out_channels, norm=norm))


class AtrousConv(nn.Sequential):
    """Branch of the dense ASPP: 1x1 convolution and dilated 3x3 convolution.

    Normalisation and ReLU come before each convolution. ``norm=False`` leaves out the first
    normalisation.
    """

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
class BTSDecoder(DepthDecodeHead):
    """Decoder of BTS: dense ASPP at stride 8 and local planar guidance at strides 8, 4 and 2.

    The depth of the local planes is concatenated to the features of the next finer step.
    Layer sizes are those of the released code. A ReLU sets negative values of the stride-32 map
    to zero (released code): the last map of some backbones, e.g. DenseNet, has negative values.

    Args:
        in_channels: channels of the backbone's five maps, strides 2 to 32.
        channels: channels at stride 16. Finer steps have a half to a sixteenth of them.
        dilations: dilations of the dense ASPP's branches.
        **kwargs: arguments of :class:`DepthDecodeHead`.

    Example:
        >>> import torch
        >>> from mmdet3d.registry import MODELS
        >>> import mmdet3d_plugin.models
        >>> head = MODELS.build(dict(
        ...     type='BTSDecoder', in_channels=(4, 4, 8, 8, 8), channels=128,
        ...     depth_range=(1., 80.), loss_depth=dict(type='ScaleInvariantLogLoss')))
        >>> maps = [torch.rand(1, width, 64 // stride, 96 // stride)
        ...         for width, stride in zip((4, 4, 8, 8, 8), (2, 4, 8, 16, 32))]
        >>> tuple(head(maps, input_size=(64, 96)).depth.shape)
        (1, 64, 96)
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
        # The first branch reads the output of conv8. Every other branch reads the input of
        # conv8 and the outputs of all branches before it.
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
        """Initialise all convolutions with Xavier's uniform distribution (released code)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                xavier_init(module, distribution='uniform')

    def decode(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """See :meth:`DepthDecodeHead.decode`."""
        skip2, skip4, skip8, skip16, top = maps
        fused = self.conv16(torch.cat([self.up16(top.relu()), skip16], dim=1))
        fused = torch.cat([self.up8(fused), skip8], dim=1)
        feature = self._dense_aspp(fused)
        depth8 = self.planes8(feature)
        feature = self.conv4(torch.cat([self.up4(feature), skip4, subsample(depth8, 4)], dim=1))
        depth4 = self.planes4(feature)
        feature = self.conv2(torch.cat([self.up2(feature), skip2, subsample(depth4, 2)], dim=1))
        depth2 = self.planes2(feature)
        feature = self.up1(feature)
        depth1 = self.reduction1(feature).float().sigmoid()
        return self.conv1(torch.cat([feature, depth1, depth2, depth4, depth8], dim=1))

    def _dense_aspp(self, fused: torch.Tensor) -> torch.Tensor:
        """Run the dense ASPP at stride 8: (B, C, h, w) -> (B, channels / 4, h, w)."""
        outputs = [self.conv8(fused)]
        for index, branch in enumerate(self.aspp):
            branch_inputs = [fused, *outputs[1:]] if index else outputs
            outputs.append(branch(torch.cat(branch_inputs, dim=1)))
        return self.aspp_conv(torch.cat(outputs, dim=1))


def subsample(depth: torch.Tensor, step: int) -> torch.Tensor:
    """Return every ``step``-th pixel of (B, 1, H, W) along both sides."""
    return depth[..., ::step, ::step]
