"""Classifiers of torchvision as backbones."""
import re
from typing import Sequence, Tuple

import torch
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule
from mmengine.registry import WEIGHT_INITIALIZERS
from torchvision.models import get_model
from torchvision.models.feature_extraction import create_feature_extractor

from ...errors import InputError
from .imagenet_init import ImageNetInit


@MODELS.register_module()
class TorchvisionBackbone(BaseModule):
    """Backbone that returns feature maps of a torchvision model.

    Layers after the last of these maps are removed.

    Args:
        name: name of the model for ``torchvision.models.get_model``.
        nodes: names of the maps, finest first, as in torchvision's ``get_graph_node_names``.
        frozen: regular expressions. Parameters are not trained if the start of their torchvision
            name matches one of them.
        init_cfg: :class:`TorchvisionImageNetInit` with the URL of ImageNet weights; None
            for random initialisation.

    Raises:
        InputError: torchvision has no such model, or the model has no such node.

    Example:
        >>> import torch
        >>> from mmdet3d.registry import MODELS
        >>> import mmdet3d_plugin.models
        >>> backbone = MODELS.build(dict(
        ...     type='TorchvisionBackbone', name='resnet18', nodes=['relu', 'layer1']))
        >>> [tuple(level.shape) for level in backbone(torch.rand(1, 3, 64, 96))]
        [(1, 64, 32, 48), (1, 64, 16, 24)]
    """

    def __init__(self, name: str, nodes: Sequence[str], frozen: Sequence[str] = (),
                 init_cfg=None) -> None:
        super().__init__(init_cfg)
        try:
            self.body = create_feature_extractor(get_model(name, weights=None), list(nodes))
        except ValueError as error:
            raise InputError(f'TorchvisionBackbone: name {name!r}, nodes {list(nodes)}: '
                             f'{str(error).split(". Hint")[0]}') from error
        self.nodes = tuple(nodes)
        for key, parameter in self.body.named_parameters():
            if any(re.match(pattern, key) for pattern in frozen):
                parameter.requires_grad = False

    def forward(self, images: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        """Return the feature maps of a batch.

        Args:
            images: (B, 3, H, W).

        Returns:
            One (B, C, h, w) map per node, in the order of ``nodes``.
        """
        maps = self.body(images)
        return tuple(maps[node] for node in self.nodes)


@WEIGHT_INITIALIZERS.register_module()
class TorchvisionImageNetInit(ImageNetInit):
    """Initialisation of a :class:`TorchvisionBackbone` from torchvision's ImageNet weights."""

    def own_key(self, key: str) -> str:
        """See :meth:`ImageNetInit.own_key`."""
        return f'body.{key}'
