"""Neural window fully-connected CRFs (Yuan et al., NeWCRFs, CVPR 2022).

Legend: B images, h x w cells, C channels, W windows an image, N cells a window.
"""
from typing import Optional, Sequence, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmcv.cnn.bricks.transformer import FFN
from mmdet3d.registry import MODELS
from mmdet.models.backbones.swin import ShiftWindowMSA, WindowMSA
from mmengine.model import BaseModule, ModuleList

from .depth_decoder import DepthDecoder


class PyramidPooling(BaseModule):
    """The first prediction: the coarsest map beside its means over grids (PPM head).

    Args:
        in_channels, out_channels: of the maps.
        grids: cells along each side of the grids.
        num_groups: of the group norm after a grid of one cell, which gives batch norm one
            value an image.
    """

    def __init__(self, in_channels: int, out_channels: int, grids: Sequence[int],
                 num_groups: int) -> None:
        super().__init__()
        batch_norm = dict(type='BN')
        group_norm = dict(type='GN', num_groups=num_groups)
        self.pools = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(grid),
                          ConvModule(in_channels, out_channels, 1,
                                     norm_cfg=group_norm if grid == 1 else batch_norm))
            for grid in grids)
        self.join = ConvModule(in_channels + len(grids) * out_channels, out_channels, 3,
                               padding=1, norm_cfg=batch_norm)

    def forward(self, feature: torch.Tensor) -> torch.Tensor:
        """(B, C, h, w) -> (B, C', h, w)."""
        means = [F.interpolate(pool(feature), feature.shape[-2:], mode='bilinear')
                 for pool in self.pools]
        return self.join(torch.cat([feature, *means], dim=1))


class PairwisePotential(WindowMSA):
    """Swin's attention within windows, of two maps: queries and keys come from the feature,
    values are the prediction (NeWCRFs, "Neural Window FC-CRFs")."""

    def __init__(self, channels: int, num_heads: int, window_size: int) -> None:
        super().__init__(channels, num_heads, (window_size, window_size))
        del self.qkv
        self.qk = nn.Linear(channels, 2 * channels)

    def forward(self, maps: torch.Tensor, mask: Optional[torch.Tensor] = None) -> torch.Tensor:
        """
        Args:
            maps: (B W, N, 2 C) feature and prediction, side by side.
            mask: (W, N, N) to add to the logits.

        Returns:
            (B W, N, 2 C) the feature, and what the window makes of the prediction.
        """
        feature, prediction = maps.chunk(2, dim=-1)
        bias = self.relative_position_bias_table[self.relative_position_index]
        bias = bias.permute(2, 0, 1)[None]
        if mask is not None:
            bias = bias + mask[:, None]
        query, key, value = (
            item.unflatten(-1, (self.num_heads, -1)).unflatten(0, (-1, len(bias))).transpose(2, 3)
            for item in (*self.qk(feature).chunk(2, dim=-1), prediction))
        weights = self.softmax(self.scale * query @ key.transpose(-2, -1) + bias)
        message = (weights @ value).transpose(2, 3).flatten(3).flatten(0, 1)
        return torch.cat([feature, self.proj(message)], dim=-1)


class WindowCRF(ShiftWindowMSA):
    """A CRF in each window of a map, whose windows may be shifted.

    mmdet's windows carry feature and prediction side by side.
    """

    def __init__(self, channels: int, num_heads: int, window_size: int, shift: int) -> None:
        super().__init__(channels, num_heads, window_size, shift)
        self.w_msa = PairwisePotential(channels, num_heads, window_size)

    def forward(self, feature: torch.Tensor, prediction: torch.Tensor,
                size: Tuple[int, int]) -> torch.Tensor:
        """Both (B, h w, C) -> (B, h w, C)."""
        maps = torch.cat([feature, prediction], dim=-1)
        return super().forward(maps, size)[..., feature.shape[-1]:]


class CRFLayer(BaseModule):
    """A window CRF and a perceptron, each added to the feature."""

    def __init__(self, channels: int, num_heads: int, window_size: int, shift: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.crf = WindowCRF(channels, num_heads, window_size, shift)
        self.norm2 = nn.LayerNorm(channels)
        self.ffn = FFN(channels, 4 * channels, act_cfg=dict(type='GELU'))

    def forward(self, feature: torch.Tensor, prediction: torch.Tensor,
                size: Tuple[int, int]) -> torch.Tensor:
        feature = feature + self.crf(self.norm1(feature), prediction, size)
        return self.ffn(self.norm2(feature), identity=feature)


class NeuralWindowCRFs(BaseModule):
    """A coarser prediction, and the feature of a level, to a better prediction.

    Two layers, the second one with windows that are shifted by half; both take the
    prediction that comes in as values.

    Args:
        feature_channels, prediction_channels: of what comes in.
        channels: C, of what comes out.
        num_heads: of the attention.
        window_size: cells along each side.
    """

    def __init__(self, feature_channels: int, prediction_channels: int, channels: int,
                 num_heads: int, window_size: int) -> None:
        super().__init__()
        self.project_feature = nn.Conv2d(feature_channels, channels, 3, padding=1)
        self.project_prediction = nn.Conv2d(prediction_channels, channels, 3, padding=1)
        self.layers = ModuleList([CRFLayer(channels, num_heads, window_size, shift)
                                  for shift in (0, window_size // 2)])
        self.norm = nn.LayerNorm(channels)

    def forward(self, feature: torch.Tensor, prediction: torch.Tensor) -> torch.Tensor:
        """Two maps of h x w cells -> (B, C, h, w)."""
        size = feature.shape[-2:]
        feature = self.project_feature(feature).flatten(2).transpose(1, 2)
        prediction = self.project_prediction(prediction).flatten(2).transpose(1, 2)
        for layer in self.layers:
            feature = layer(feature, prediction, size)
        return self.norm(feature).transpose(1, 2).unflatten(-1, size)


@MODELS.register_module()
class NeWCRFsDecoder(DepthDecoder):
    """A first prediction from the coarsest map, which the CRFs of finer and finer levels
    refine; between them it is rearranged to twice the resolution and a quarter of the
    channels (NeWCRFs, figure 3; sizes of the released code).

    Args:
        in_channels: of the backbone's maps, each half the size of the one before.
        channels: of the levels, finest first, each twice the one before.
        pooled_channels: of the first prediction.
        head_channels: of an attention head.
        window_size: cells along each side.
        grids: of the pyramid pooling.
        num_groups: see :class:`PyramidPooling`.
        **kwargs: of :class:`DepthDecoder`.
    """

    def __init__(self, in_channels: Sequence[int], channels: Sequence[int] = (128, 256, 512, 1024),
                 pooled_channels: int = 512, head_channels: int = 32, window_size: int = 7,
                 grids: Sequence[int] = (1, 2, 3, 6), num_groups: int = 256, **kwargs) -> None:
        super().__init__(feature_channels=channels[0], **kwargs)
        self.pooling = PyramidPooling(in_channels[-1], pooled_channels, grids, num_groups)
        prediction_channels = [*(width // 4 for width in channels[1:]), pooled_channels]
        self.levels = ModuleList([
            NeuralWindowCRFs(below, coarser, width, width // head_channels, window_size)
            for below, coarser, width in zip(in_channels, prediction_channels, channels)])

    def decode(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        prediction = self.levels[-1](maps[-1], self.pooling(maps[-1]))
        for level, feature in zip(self.levels[-2::-1], maps[-2::-1]):
            prediction = level(feature, F.pixel_shuffle(prediction, 2))
        return prediction
