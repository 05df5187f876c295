"""torchvision's classifiers as backbones."""
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
    """Feature maps of a model of torchvision, without what comes after the last of them.

    Args:
        name: of the model, as ``torchvision.models.get_model`` knows it.
        nodes: the maps, finest first, as ``get_graph_node_names`` calls them.
        frozen: parameters that stay as loaded: regular expressions of the starts of their
            names, as torchvision has them.
        init_cfg: :class:`TorchvisionImageNetInit` with the URL of ImageNet weights; None
            starts at random.

    Raises:
        InputError: torchvision has no such model, or the model no such node.
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
        """(B, 3, H, W) -> one (B, C, h, w) map for each node."""
        maps = self.body(images)
        return tuple(maps[node] for node in self.nodes)


@WEIGHT_INITIALIZERS.register_module()
class TorchvisionImageNetInit(ImageNetInit):
    """Initialises a :class:`TorchvisionBackbone` from torchvision's ImageNet weights."""

    def own_key(self, key: str) -> str:
        return f'body.{key}'
