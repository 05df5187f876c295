"""Base class of the decode heads: the prediction layer and the loss.

Legend: B images, C channels, H x W input pixels, h x w cells of the finest feature map.
"""
from typing import Dict, NamedTuple, Optional, Sequence, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule

from ...errors import InputError


class DepthOutput(NamedTuple):
    """Output of a decode head for a batch.

    Attributes:
        depth: (B, H, W) float32, metres, at the size of the input.
        feature: (B, C, h, w) feature map, the input of the prediction layer.
    """
    depth: torch.Tensor
    feature: torch.Tensor


class DepthDecodeHead(BaseModule):
    """Base class of heads that predict dense depth from a backbone's feature maps.

    Subclasses implement :meth:`decode`, which fuses the backbone's maps into one feature map.
    The prediction layer, a 3x3 convolution, gives one logit per cell. Depth is the maximum
    depth times the logit's sigmoid, as in BTS and NeWCRFs, and is resized to the input by
    bilinear interpolation.

    Both steps run in float32 under autocast too: bfloat16 would round 50 m to a quarter of a
    metre.

    Args:
        feature_channels: C, channels of the map that :meth:`decode` returns.
        depth_range: minimum and maximum depth, metres. Training ignores ground truth outside
            this range, and :class:`DepthEstimator` clips predictions to it.
        loss_depth: config of the loss. The loss is called with depth, target and validity,
            each (B, H, W).
        reference_focal: focal length, input pixels, at which the prediction is the depth. At
            other focal lengths the prediction is scaled in proportion: an object has the same
            size in the image at twice the depth and twice the focal length (BTS on KITTI,
            released code). None turns the scaling off.
        init_cfg: mmengine's weight initialisation.

    Raises:
        InputError: ``depth_range`` is not ``0 < minimum < maximum``.
    """

    def __init__(self, feature_channels: int, depth_range: Tuple[float, float], loss_depth: dict,
                 reference_focal: Optional[float] = None, init_cfg=None) -> None:
        super().__init__(init_cfg)
        self.min_depth, self.max_depth = depth_range
        if not 0 < self.min_depth < self.max_depth:
            raise InputError(f'{type(self).__name__}: depth_range is {tuple(depth_range)}, '
                             'expected 0 < minimum < maximum, in metres')
        self.reference_focal = reference_focal
        self.prediction = nn.Conv2d(feature_channels, 1, 3, padding=1)
        self.loss_depth = MODELS.build(loss_depth)

    def decode(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Fuse the backbone's maps into one feature map.

        Args:
            maps: (B, C_l, h_l, w_l) for each level l, finest first.

        Returns:
            (B, C, h, w) input of the prediction layer.
        """
        raise NotImplementedError

    def forward(self, maps: Sequence[torch.Tensor], input_size: Tuple[int, int],
                focals: Optional[torch.Tensor] = None) -> DepthOutput:
        """Predict depth at every input pixel.

        Args:
            maps: feature maps of the backbone, finest first.
            input_size: (H, W) of the input, pixels.
            focals: (B,) focal lengths of the inputs, input pixels. Only needed with
                ``reference_focal``.

        Raises:
            InputError: ``reference_focal`` is set, but ``focals`` is not given.
        """
        feature = self.decode(maps)
        with torch.autocast(feature.device.type, enabled=False):
            depth = self.max_depth * self.prediction(feature.float()).sigmoid()
            depth = F.interpolate(depth, input_size, mode='bilinear')[:, 0]
        if self.reference_focal is not None:
            if focals is None:
                raise InputError(f'{type(self).__name__}: reference_focal needs the data '
                                 'samples: their cam2img holds the focal length')
            depth = depth * (focals / self.reference_focal).view(-1, 1, 1)
        return DepthOutput(depth, feature)

    def loss(self, output: DepthOutput, target: torch.Tensor) -> Dict[str, torch.Tensor]:
        """Compute the depth loss over the pixels with ground truth.

        Args:
            output: of :meth:`forward`.
            target: (B, H, W) ground truth, metres, 0 where unknown.

        Returns:
            ``dict(loss_depth=scalar)``.
        """
        return dict(loss_depth=self.loss_depth(output.depth, target, target > 0))
