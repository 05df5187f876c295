"""Network of the camera's motion between two frames."""
from typing import Optional

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule

from ...self_supervision import motion_matrix


@MODELS.register_module()
class PoseNetwork(BaseModule):
    """Camera motion from one frame to a later one (Godard et al., 2019).

    Args:
        backbone: config of a backbone for two images as six channels. Its last map is used.
        in_channels: channels of this map.
        channels: channels of the three hidden convolutions.
        scale: factor of axis-angle and translation. A small one starts the training near no
            motion.
        init_cfg: mmengine's weight initialisation.

    Example:
        >>> network = PoseNetwork(
        ...     dict(type='TorchvisionBackbone', name='resnet18', nodes=['layer4'],
        ...          num_images=2), in_channels=512).eval()
        >>> motion = network(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64))
        >>> motion.shape, motion[0, 3].tolist()
        (torch.Size([1, 4, 4]), [0.0, 0.0, 0.0, 1.0])
    """

    def __init__(self, backbone: dict, in_channels: int, channels: int = 256,
                 scale: float = 0.01, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.backbone = MODELS.build(backbone)
        self.scale = scale
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, channels, 1), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(),
            nn.Conv2d(channels, 6, 1))

    def forward(self, earlier: torch.Tensor, later: torch.Tensor) -> torch.Tensor:
        """Predict the transform from the earlier to the later camera frame.

        Args:
            earlier: (B, 3, H, W) normalised images.
            later: (B, 3, H, W) normalised images of a later frame.

        Returns:
            (B, 4, 4) float32. The unit of translations is that of the depth.
        """
        feature = self.backbone(torch.cat([earlier, later], dim=1))[-1]
        with torch.autocast(feature.device.type, enabled=False):
            values = self.scale * self.layers(feature.float()).mean(dim=(2, 3))
            return motion_matrix(values[:, :3], values[:, 3:])
