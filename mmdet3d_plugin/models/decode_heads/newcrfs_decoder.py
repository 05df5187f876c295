"""NeWCRFs decode head: neural window fully-connected CRFs (Yuan et al., CVPR 2022).

Legend: B images, h x w cells, C channels, W windows per image, N cells per window.
"""
from typing import Optional, Sequence, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmcv.cnn.bricks.transformer import FFN
from mmdet.models.backbones.swin import ShiftWindowMSA, WindowMSA
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule, ModuleList

from .depth_decode_head import DepthDecodeHead


class PyramidPooling(BaseModule):
    """Pyramid pooling (PPM head) of the coarsest map, for the initial prediction.

    The map is averaged over grids of several sizes. The averages are resized to the map's
    size, concatenated with the map and fused by a convolution.

    Args:
        in_channels: channels of the coarsest map.
        out_channels: C', channels of the output.
        grids: cells along each side of the grids.
        num_groups: groups of the group normalisation after each grid's 1x1 convolution
            (released code, at all grids). Batch normalisation cannot be used after a 1x1 grid:
            a batch of one image has a single value per channel.
    """

    def __init__(self, in_channels: int, out_channels: int, grids: Sequence[int],
                 num_groups: int) -> None:
        super().__init__()
        self.pools = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(grid),
                          ConvModule(in_channels, out_channels, 1,
                                     norm_cfg=dict(type='GN', num_groups=num_groups)))
            for grid in grids)
        self.join = ConvModule(in_channels + len(grids) * out_channels, out_channels, 3,
                               padding=1, norm_cfg=dict(type='BN'))

    def forward(self, feature: torch.Tensor) -> torch.Tensor:
        """Pool and fuse: (B, C, h, w) -> (B, C', h, w)."""
        means = [F.interpolate(pool(feature), feature.shape[-2:], mode='bilinear')
                 for pool in self.pools]
        return self.join(torch.cat([feature, *means], dim=1))


class PairwisePotential(WindowMSA):
    """Pairwise potential of the CRF: window attention over a feature and a prediction.

    Swin's attention within windows. Queries and keys come from the feature, the values are the
    prediction (NeWCRFs, "Neural Window FC-CRFs").
    """

    def __init__(self, channels: int, num_heads: int, window_size: int) -> None:
        super().__init__(channels, num_heads, (window_size, window_size))
        del self.qkv
        self.qk = nn.Linear(channels, 2 * channels)

    def forward(self, maps: torch.Tensor, mask: Optional[torch.Tensor] = None) -> torch.Tensor:
        """Attend to the predictions of all cells in the window.

        Args:
            maps: (B W, N, 2 C) feature and prediction, concatenated.
            mask: (W, N, N) added to the logits.

        Returns:
            (B W, N, 2 C): the unchanged feature and the updated prediction.
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
    """Fully-connected CRF within each window of a map, with optional window shift.

    Feature and prediction are concatenated, so that mmdet's window partition applies to both.

    Args:
        channels: C, channels of the feature and of the prediction.
        num_heads: attention heads.
        window_size: cells along each side.
        shift: shift of the windows, cells.
    """

    def __init__(self, channels: int, num_heads: int, window_size: int, shift: int) -> None:
        super().__init__(channels, num_heads, window_size, shift)
        self.w_msa = PairwisePotential(channels, num_heads, window_size)

    def forward(self, feature: torch.Tensor, prediction: torch.Tensor,
                size: Tuple[int, int]) -> torch.Tensor:
        """Update the prediction.

        Args:
            feature: (B, h w, C).
            prediction: (B, h w, C).
            size: (h, w).

        Returns:
            (B, h w, C) updated prediction.
        """
        maps = torch.cat([feature, prediction], dim=-1)
        return super().forward(maps, size)[..., feature.shape[-1]:]


class CRFLayer(BaseModule):
    """Window CRF and feed-forward network, each with a residual connection to the feature.

    See :class:`WindowCRF` for the arguments.
    """

    def __init__(self, channels: int, num_heads: int, window_size: int, shift: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.crf = WindowCRF(channels, num_heads, window_size, shift)
        self.norm2 = nn.LayerNorm(channels)
        self.ffn = FFN(channels, 4 * channels, act_cfg=dict(type='GELU'))

    def forward(self, feature: torch.Tensor, prediction: torch.Tensor,
                size: Tuple[int, int]) -> torch.Tensor:
        """Update the feature; arguments and shapes as in :meth:`WindowCRF.forward`."""
        feature = feature + self.crf(self.norm1(feature), prediction, size)
        return self.ffn(self.norm2(feature), identity=feature)


class NeuralWindowCRFs(BaseModule):
    """Refinement of a prediction by the feature map of one backbone level.

    Two CRF layers. The windows of the second layer are shifted by half a window. Both layers
    use the incoming prediction as attention values.

    Args:
        feature_channels: channels of the backbone's map.
        prediction_channels: channels of the incoming prediction.
        channels: C, channels of the refined prediction.
        num_heads: attention heads.
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
        """Refine the prediction.

        Args:
            feature: (B, feature_channels, h, w).
            prediction: (B, prediction_channels, h, w).

        Returns:
            (B, C, h, w) refined prediction.
        """
        size = feature.shape[-2:]
        feature = self.project_feature(feature).flatten(2).transpose(1, 2)
        prediction = self.project_prediction(prediction).flatten(2).transpose(1, 2)
        for layer in self.layers:
            feature = layer(feature, prediction, size)
        return self.norm(feature).transpose(1, 2).unflatten(-1, size)


@MODELS.register_module()
class NeWCRFsDecoder(DepthDecodeHead):
    """Decoder of NeWCRFs: pyramid pooling, then window CRFs from coarse to fine.

    Pyramid pooling of the coarsest map gives an initial prediction, and the CRFs of each level
    refine it. Between two levels, a pixel shuffle doubles the resolution and divides the
    channels by 4 (NeWCRFs, figure 3; layer sizes of the released code).

    Args:
        in_channels: channels of the backbone's maps, finest first. Each map has half the
            resolution of the map before it.
        channels: channels of the levels, finest first. Each level has twice as many as the
            level before it.
        pooled_channels: channels of the initial prediction.
        head_channels: channels per attention head.
        window_size: cells along each side of a window.
        grids: grids of the pyramid pooling, cells along each side.
        num_groups: see :class:`PyramidPooling`.
        **kwargs: arguments of :class:`DepthDecodeHead`.

    Example:
        >>> import torch
        >>> from mmdet3d.registry import MODELS
        >>> import mmdet3d_plugin.models
        >>> head = MODELS.build(dict(
        ...     type='NeWCRFsDecoder', in_channels=(4, 8), channels=(16, 32),
        ...     pooled_channels=16, head_channels=8, num_groups=4, depth_range=(1., 80.),
        ...     loss_depth=dict(type='ScaleInvariantLogLoss'))).eval()
        >>> maps = [torch.rand(1, 4, 16, 24), torch.rand(1, 8, 8, 12)]
        >>> tuple(head(maps, input_size=(64, 96)).depth.shape)
        (1, 64, 96)
    """

    def __init__(self, in_channels: Sequence[int], channels: Sequence[int] = (128, 256, 512, 1024),
                 pooled_channels: int = 512, head_channels: int = 32, window_size: int = 7,
                 grids: Sequence[int] = (1, 2, 3, 6), num_groups: int = 256, **kwargs) -> None:
        super().__init__(feature_channels=channels[0], **kwargs)
        self.pooling = PyramidPooling(in_channels[-1], pooled_channels, grids, num_groups)
        prediction_channels = [*(width // 4 for width in channels[1:]), pooled_channels]
        self.levels = ModuleList([
            NeuralWindowCRFs(feature, coarser, width, width // head_channels, window_size)
            for feature, coarser, width in zip(in_channels, prediction_channels, channels)])

    def decode(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """See :meth:`DepthDecodeHead.decode`."""
        prediction = self.levels[-1](maps[-1], self.pooling(maps[-1]))
        for level, feature in zip(self.levels[-2::-1], maps[-2::-1]):
            prediction = level(feature, F.pixel_shuffle(prediction, 2))
        return prediction
