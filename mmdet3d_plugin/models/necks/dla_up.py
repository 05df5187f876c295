"""DLA-up: iterative deep aggregation by concatenation.

The neck of MonoDLE, GUPNet, DID-M3D and MonoLSS. mmdet3d's ``DLANeck`` is a different neck: it
sums maps instead of concatenating them, and has one more aggregation.
"""
from typing import List, Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmcv.cnn import ConvModule
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule


class BilinearUpsample(nn.ConvTranspose2d):
    """Channel-wise transposed convolution, initialised to bilinear interpolation.

    It computes in float32 under autocast: depthwise bfloat16 is many times slower on CPUs and
    no faster on GPUs. The output is cast to the type of the input; the next convolution would
    round it anyway.

    Args:
        channels: input and output channels.
        factor: upsampling factor, even.

    Example:
        >>> import torch
        >>> up = BilinearUpsample(channels=1, factor=2)
        >>> up(torch.ones(1, 1, 3, 3))[0, 0, 2, 1:5]
        tensor([1., 1., 1., 1.], grad_fn=<SliceBackward0>)
    """

    def __init__(self, channels: int, factor: int) -> None:
        super().__init__(channels, channels, 2 * factor, stride=factor,
                         padding=factor // 2, groups=channels, bias=False)
        position = torch.arange(2 * factor) - (2 * factor - 1) / 2
        profile = 1 - position.abs() / factor
        with torch.no_grad():
            self.weight.copy_(torch.outer(profile, profile).expand_as(self.weight))

    def forward(self, feature: torch.Tensor) -> torch.Tensor:
        """Upsample: (B, C, h, w) -> (B, C, factor h, factor w)."""
        with torch.autocast(feature.device.type, enabled=False):
            return super().forward(feature.float()).to(feature.dtype)


class _Aggregation(nn.Module):
    """One aggregation step: upsample deeper maps to the first map's size and fuse them in turn.

    Args:
        in_channels: channels of the maps, finest first.
        factors: upsampling factor of each map to the size of the first.
        out_channels: channels of all output maps.
    """

    def __init__(self, in_channels: Sequence[int], factors: Sequence[int],
                 out_channels: int) -> None:
        super().__init__()
        norm = dict(type='BN')
        for index in range(1, len(in_channels)):
            self.add_module(f'proj_{index}', ConvModule(
                in_channels[index], out_channels, 3, padding=1, norm_cfg=norm))
            self.add_module(f'up_{index}', BilinearUpsample(out_channels, factors[index]))
            self.add_module(f'node_{index}', ConvModule(
                2 * out_channels, out_channels, 3, padding=1, norm_cfg=norm))

    def forward(self, maps: Sequence[torch.Tensor]) -> List[torch.Tensor]:
        maps = list(maps)
        for index in range(1, len(maps)):
            project, up, node = (getattr(self, f'{part}_{index}')
                                 for part in ('proj', 'up', 'node'))
            maps[index] = node(torch.cat([maps[index - 1], up(project(maps[index]))], dim=1))
        return maps


@MODELS.register_module()
class DLAUpConcatNeck(BaseModule):
    """Fusion of backbone maps of doubling strides into one map of the finest stride.

    Args:
        in_channels: channels of the maps, finest first. Each map has half the resolution of the
            map before it.
        channels: channels to which 1x1 convolutions map them before the fusion; None for no such
            convolutions. The cost of the fusion depends on them.
        init_cfg: mmengine's weight initialisation.

    Example:
        >>> import torch
        >>> from mmdet3d.registry import MODELS
        >>> import mmdet3d_plugin.models
        >>> neck = MODELS.build(dict(type='DLAUpConcatNeck', in_channels=(4, 8)))
        >>> fused, = neck([torch.rand(1, 4, 16, 24), torch.rand(1, 8, 8, 12)])
        >>> tuple(fused.shape)
        (1, 4, 16, 24)
    """

    def __init__(self, in_channels: Sequence[int] = (64, 128, 256, 512),
                 channels: Optional[Sequence[int]] = None, init_cfg=None) -> None:
        super().__init__(init_cfg)
        self.laterals = nn.ModuleList(
            ConvModule(*pair, 1, norm_cfg=dict(type='BN')) for pair in zip(in_channels, channels)
        ) if channels else None
        channels = list(channels or in_channels)
        factors = [2 ** level for level in range(len(channels))]
        for step in range(len(channels) - 1):
            first = len(channels) - 2 - step
            self.add_module(f'ida_{step}', _Aggregation(
                channels[first:], [factor // factors[first] for factor in factors[first:]],
                channels[first]))
            # All output maps of a step have the size and the channels of its first map.
            channels[first + 1:] = [channels[first]] * (len(channels) - first - 1)
            factors[first + 1:] = [factors[first]] * (len(factors) - first - 1)

    def forward(self, maps: Sequence[torch.Tensor]) -> Tuple[torch.Tensor]:
        """Fuse L maps.

        Args:
            maps: (B, C_l, H / 2^l, W / 2^l) for each level l from 0 to L - 1.

        Returns:
            A tuple of one map (B, C_0, H, W).
        """
        maps = list(maps)
        if self.laterals is not None:
            maps = [convolution(level) for convolution, level in zip(self.laterals, maps)]
        for step in range(len(maps) - 1):
            first = len(maps) - 2 - step
            maps[first:] = getattr(self, f'ida_{step}')(maps[first:])
        return (maps[-1], )
