"""Backbones whose weights are not trained."""
import logging
from typing import Tuple

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..silent_initialisation import init_weights_silently


@MODELS.register_module()
class FrozenBackbone(BaseModule):
    """Backbone with fixed weights, for short trainings on a CPU.

    It has no gradients and no trainable parameters, and always runs in evaluation mode. Batch
    norms are therefore constant, and are folded into the convolutions before them. The weights
    come from the backbone's ``init_cfg`` or from a checkpoint.

    Args:
        backbone: config of the backbone, with its ``init_cfg``.

    Example:
        >>> from mmdet3d.registry import MODELS
        >>> import mmdet3d_plugin.models
        >>> backbone = MODELS.build(dict(type='FrozenBackbone', backbone=dict(
        ...     type='TimmBackbone', name='tf_efficientnet_lite0', out_indices=(1, 2))))
        >>> [tuple(level.shape) for level in backbone(torch.rand(1, 3, 64, 96))]
        [(1, 24, 16, 24), (1, 40, 8, 12)]
    """

    def __init__(self, backbone: dict) -> None:
        super().__init__()
        self._backbone = backbone
        self.body = MODELS.build(backbone)
        self.train()
        fold_batch_norms(self.body)
        self.body.requires_grad_(False)

    def init_weights(self) -> None:
        """Initialise the backbone as it initialises itself, for example by its ``init_cfg``."""
        # The initial weights have batch norms; the folded body has none.
        unfolded = MODELS.build(self._backbone)
        if unfolded.init_cfg is None:
            print_log('FrozenBackbone: the backbone has no init_cfg, so its weights are random '
                      'unless a checkpoint is loaded', 'current', level=logging.WARNING)
        init_weights_silently(unfolded)
        unfolded.eval()
        fold_batch_norms(unfolded)
        self.body.load_state_dict(unfolded.state_dict())

    def train(self, mode: bool = True) -> 'FrozenBackbone':
        """Stay in evaluation mode, whatever ``mode`` is."""
        super().train(False)
        return self

    @torch.no_grad()
    def forward(self, images: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        """Return the feature maps (B, C, h, w) of images (B, 3, H, W)."""
        return self.body(images)


def fold_batch_norms(module: nn.Module) -> None:
    """Fold each batch norm into the convolution before it in the same parent, in place.

    The convolution gets a bias. The children of the batch norm stay: timm's batch norms contain
    the activation, which mmcv's ``fuse_conv_bn`` would remove. A batch norm that does not follow
    a convolution stays.

    Args:
        module: in evaluation mode. Children must run in the order of their registration, and
            convolutions must use their weights as they are, without a parametrisation.

    Example:
        >>> block = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU()).eval()
        >>> fold_batch_norms(block)
        >>> [type(layer).__name__ for layer in block]
        ['Conv2d', 'Sequential', 'ReLU']
    """
    previous_name, previous = '', None
    for name, child in list(module.named_children()):
        if isinstance(child, _BatchNorm) and isinstance(previous, nn.Conv2d):
            setattr(module, previous_name, fuse_conv_bn_eval(previous, child))
            setattr(module, name, nn.Sequential(*child.children()))
        fold_batch_norms(child)
        previous_name, previous = name, child
