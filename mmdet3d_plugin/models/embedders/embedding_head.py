"""From feature maps to one unit vector per image."""
from typing import Optional, Sequence

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule

from ...errors import InputError


@MODELS.register_module()
class EmbeddingHead(BaseModule):
    """Sum of average and maximum over the pixels, a linear layer, and division by the length.

    The form is that of Kim et al., Self-Taught Metric Learning without Labels, CVPR 2022.

    Args:
        in_channels: C, channels of the last feature map.
        embed_dim: D, length of the embedding. None leaves the linear layer out, so D is C.
        init_cfg: mmengine's weight initialisation; by default that of Kim et al., Kaiming's rule
            on the outputs.

    Raises:
        InputError: ``embed_dim`` is not positive, or the feature map has other channels.

    Example:
        >>> head = EmbeddingHead(in_channels=4, embed_dim=2)
        >>> embedding = head([torch.rand(5, 4, 3, 3)])
        >>> embedding.shape, bool(embedding.norm(dim=1).allclose(torch.ones(5)))
        (torch.Size([5, 2]), True)
    """

    def __init__(self, in_channels: int, embed_dim: Optional[int] = 128, init_cfg=None) -> None:
        if embed_dim is not None and embed_dim < 1:
            raise InputError(f'EmbeddingHead: embed_dim is {embed_dim}, expected at least 1, or '
                             'None')
        super().__init__(init_cfg or dict(type='Kaiming', layer='Linear', mode='fan_out'))
        self.in_channels = in_channels
        self.linear = nn.Identity() if embed_dim is None else nn.Linear(in_channels, embed_dim)

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the embeddings of a batch.

        The head runs in float32 under autocast too, because bfloat16 has three digits.

        Args:
            maps: feature maps of the backbone; the last one is used, (B, C, h, w).

        Returns:
            (B, D) float32 unit vectors.
        """
        last = maps[-1].float()
        if last.shape[1] != self.in_channels:
            raise InputError(f'EmbeddingHead: the last feature map has {last.shape[1]} channels; '
                             'set model.head.in_channels to this number')
        with torch.autocast(last.device.type, enabled=False):
            pooled = last.mean(dim=(2, 3)) + last.amax(dim=(2, 3))
            return F.normalize(self.linear(pooled), dim=1)
