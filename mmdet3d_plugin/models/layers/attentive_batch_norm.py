"""Batch normalisation with an affine transform that depends on the image."""
import torch
import torch.nn as nn
from mmengine.registry import MODELS

from ...errors import InputError


@MODELS.register_module('AttnBN')
class AttentiveBatchNorm2d(nn.Module):
    """Attentive normalisation (Li et al., ECCV 2020) as in MonoCon's heads.

    Channels are normalised over the batch, then scaled and shifted by a mixture of A learned
    affines. The mixture weights depend on the image: mean divided by standard deviation of
    each channel, then a 1x1 convolution, batch norm and a hard sigmoid.

    Args:
        num_features: C, channels.
        num_affines: A.
        eps: epsilon of the normalisation (MonoCon's released code).
        momentum: momentum of the running statistics (MonoCon's released code).

    Example:
        >>> import torch
        >>> norm = AttentiveBatchNorm2d(num_features=4, num_affines=3)
        >>> tuple(norm(torch.rand(2, 4, 8, 8)).shape)
        (2, 4, 8, 8)
    """

    def __init__(self, num_features: int, num_affines: int = 10, eps: float = 1e-3,
                 momentum: float = 0.03) -> None:
        super().__init__()
        self.eps = eps
        # A submodule, so that conversion to SyncBN keeps the mixture.
        self.normalise = nn.BatchNorm2d(num_features, eps=eps, momentum=momentum, affine=False)
        self.scales = nn.Parameter(torch.empty(num_affines, num_features).normal_(1., .1))
        self.shifts = nn.Parameter(torch.empty(num_affines, num_features).normal_(0., .1))
        self.attention = nn.Sequential(
            nn.Conv2d(num_features, num_affines, 1, bias=False),
            nn.BatchNorm2d(num_affines),
            nn.Hardsigmoid())
        nn.init.kaiming_normal_(self.attention[0].weight, mode='fan_out', nonlinearity='relu')

    def forward(self, feature: torch.Tensor) -> torch.Tensor:
        """Normalise (B, C, H, W).

        Raises:
            InputError: a training batch of one image; the attention's batch norm would have a
                single value per channel.
        """
        if self.training and len(feature) == 1:
            raise InputError('attentive normalisation (AttnBN) cannot train on a batch of one '
                             'image: use a batch size of at least 2')
        variance, mean = torch.var_mean(feature, dim=(2, 3), keepdim=True)
        weights = self.attention(mean * torch.rsqrt(variance + self.eps)).flatten(1)
        scale, shift = weights @ self.scales, weights @ self.shifts
        return scale[:, :, None, None] * self.normalise(feature) + shift[:, :, None, None]
