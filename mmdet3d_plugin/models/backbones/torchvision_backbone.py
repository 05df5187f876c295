"""Classifiers of torchvision as backbones."""
import re
from inspect import signature
from typing import Dict, Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule
from mmengine.registry import WEIGHT_INITIALIZERS
from torch.fx import Interpreter
from torchvision.models import get_model, get_model_builder
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
        num_images: number of RGB images that are concatenated as input channels, for networks
            that take several images.
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
                 num_images: int = 1, init_cfg=None) -> None:
        super().__init__(init_cfg)
        try:
            if 'weights_backbone' in signature(get_model_builder(name)).parameters:
                # torchvision would download weights of its backbone.
                raise ValueError('no classifier')
            model = get_model(name, weights=None)
            if num_images != 1:
                _widen_first_convolution(model, 3 * num_images)
            self.body = create_feature_extractor(
                model, list(nodes), suppress_diff_warning=True)
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

    def first_maps(self, images: torch.Tensor, count: int) -> Tuple[torch.Tensor, ...]:
        """Return the first feature maps only, see :func:`~.partial_forward.first_maps`."""
        values = self._run(images, None, self.nodes[count - 1])
        return tuple(values[node] for node in self.nodes[:count])

    def later_maps(self, feature: torch.Tensor, count: int) -> Tuple[torch.Tensor, ...]:
        """Return the later feature maps, see :func:`~.partial_forward.later_maps`."""
        values = self._run(feature, self.nodes[count - 1], self.nodes[-1])
        return tuple(values[node] for node in self.nodes[count:])

    def _run(self, value: torch.Tensor, start: Optional[str], stop: str
             ) -> Dict[str, torch.Tensor]:
        """Run the graph from the node after ``start`` to ``stop``, both names of maps.

        Args:
            value: the input of the graph, or with ``start`` the map of this name.
        """
        nodes = list(self.body.graph.nodes)
        named = nodes[-1].args[0]  # the output is a dict of the maps' nodes by name
        begin = nodes[0] if start is None else named[start]
        part = nodes[nodes.index(begin) + 1:nodes.index(named[stop]) + 1]
        interpreter = Interpreter(self.body, garbage_collect_values=False)
        interpreter.env = {begin: value}
        for node in part:
            interpreter.env[node] = interpreter.run_node(node)
        return {name: interpreter.env[node] for name, node in named.items()
                if node in interpreter.env}


def _widen_first_convolution(model: nn.Module, channels: int) -> None:
    """Replace the first convolution of a model by one with another number of input channels."""
    name, first = next(item for item in model.named_modules() if isinstance(item[1], nn.Conv2d))
    parent, _, attribute = name.rpartition('.')
    wide = nn.Conv2d(channels, first.out_channels, first.kernel_size, first.stride,
                     first.padding, bias=first.bias is not None)
    setattr(model.get_submodule(parent), attribute, wide)


@WEIGHT_INITIALIZERS.register_module()
class TorchvisionImageNetInit(ImageNetInit):
    """Initialisation of a :class:`TorchvisionBackbone` from torchvision's ImageNet weights."""

    def own_key(self, key: str) -> str:
        """See :meth:`ImageNetInit.own_key`."""
        return f'body.{key}'

    def own_value(self, value: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """Repeat the first convolution's weights for several images, and average over them."""
        if value.dim() == own.dim() == 4 and own.shape[1] % value.shape[1] == 0 \
                and own.shape[1] > value.shape[1]:
            times = own.shape[1] // value.shape[1]
            return value.repeat(1, times, 1, 1) / times
        return value
