"""Auxiliary supervision by object-wise depth maps.

Notation: B images, M objects, (H, W) feature cells.
"""
from dataclasses import replace
from typing import Dict, List, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule

from ...errors import InputError
from ..task_modules.rank_means import mean_count
from .auxiliary_labels import AuxiliaryLabels
from .auxiliary_objects import AuxiliaryObjects, check_depth_space


def rasterize_object_depths(objects: AuxiliaryObjects, depths: torch.Tensor, num_images: int,
                            size: Tuple[int, int]) -> torch.Tensor:
    """Draw the depths of objects into the cells of their 2D boxes.

    A cell takes the smallest depth of the objects with a 2D box around the cell's centre.

    Args:
        objects: objects of the batch.
        depths: (M,) depths of the objects, metres.
        num_images: B.
        size: (H, W).

    Returns:
        (B, H, W) metres; infinite where there is no object.
    """
    height, width = size
    left, top, right, bottom = objects.boxes.t()[:, :, None]
    columns = torch.arange(width, device=depths.device) + .5
    rows = torch.arange(height, device=depths.device) + .5
    inside = (((rows >= top) & (rows < bottom))[:, :, None]
              & ((columns >= left) & (columns < right))[:, None, :])
    drawn = torch.where(inside, depths[:, None, None].to(objects.boxes), torch.inf)
    empty = drawn.new_full((num_images, height, width), torch.inf)
    index = objects.image_index[:, None, None].expand_as(drawn)
    return empty.scatter_reduce(0, index, drawn, 'amin')


def interpolate_object_depths(objects: AuxiliaryObjects, depths: torch.Tensor, num_images: int,
                              size: Tuple[int, int]) -> torch.Tensor:
    """Draw the depths of objects at the input's resolution and resize the map bilinearly.

    The corner pixels of both maps are aligned, and pixels without an object have depth 0, as
    in the authors' released code. At the edge of a box a cell therefore gets a mean of the
    object's depth and 0, or of the depths of two objects. Memory is that of one map of the
    input's size per object.

    Args:
        objects: objects of the batch.
        depths: (M,) depths of the objects, metres.
        num_images: B.
        size: (H, W) of the feature map.

    Returns:
        (B, H, W) metres; infinite where there is no object.
    """
    stride = objects.stride
    drawn = rasterize_object_depths(replace(objects, boxes=objects.boxes * stride), depths,
                                    num_images, (round(size[0] * stride), round(size[1] * stride)))
    drawn = torch.where(drawn.isfinite(), drawn, 0.)
    resized = F.interpolate(drawn[:, None], size, mode='bilinear', align_corners=True)[:, 0]
    return torch.where(resized == 0, torch.inf, resized)


@MODELS.register_module()
class ObjectDepthHead(BaseModule):
    """Auxiliary head that predicts the object's depth at every cell of its 2D box.

    Gradients reach all cells of an object, not only the cell of its centre
    (Depth-discriminative Metric Learning, NeurIPS 2023). The depth is
    ``1 / sigmoid(x) - 1`` for a network output x.

    Args:
        in_channels: channels of the feature map.
        hidden_channels: channels of each hidden layer.
        loss: config of the loss. With ``predict_uncertainty`` it is called with (prediction,
            log-variance, target, weight), as :class:`LaplacianAleatoricLoss`; otherwise with
            (prediction, target, weight), as mmdet's L1Loss.
        predict_uncertainty: whether the head also predicts a log-variance.
        depth_space: ``'metric'`` or ``'apparent'``, see :meth:`AuxiliaryObjects.depths_in`.
        num_hidden_layers: number of 3x3 convolutions, each with a ReLU, before the 1x1
            convolution of the output.
        target: ``'nearest'`` for the depth at the centre of each cell, see
            :func:`rasterize_object_depths`, or ``'bilinear'`` for the target of the released
            code, see :func:`interpolate_object_depths`.

    Raises:
        InputError: ``depth_space`` or ``target`` is unknown, or there is no hidden layer.

    Example:
        >>> from mmdet3d_plugin.models.auxiliaries import AuxiliaryLabels, AuxiliaryObjects
        >>> box = torch.tensor([[0., 0., 2., 1.]])
        >>> index = torch.zeros(1, dtype=torch.long)
        >>> objects = AuxiliaryObjects(
        ...     image_index=index, labels=index, centers=box[:, 2:] / 2, boxes=box,
        ...     depths=torch.tensor([5.]), zooms=torch.ones(1), boxes_3d=torch.zeros(1, 7),
        ...     geometry=None, stride=4)
        >>> head = ObjectDepthHead(1, 8, loss=dict(type='LaplacianAleatoricLoss'))
        >>> for weight in head.parameters():
        ...     _ = torch.nn.init.zeros_(weight)
        >>> # The head predicts 1 m with log-variance 0; the error is 4 m.
        >>> loss = head(torch.zeros(1, 1, 2, 3), AuxiliaryLabels(objects))['loss_object_depth']
        >>> round(loss.item(), 4)  # 1.4142 x 4
        5.6568
    """

    def __init__(self, in_channels: int, hidden_channels: int, loss: dict,
                 predict_uncertainty: bool = True, depth_space: str = 'metric',
                 init_cfg=None, num_hidden_layers: int = 2, target: str = 'nearest') -> None:
        super().__init__(init_cfg)
        if num_hidden_layers < 1:
            raise InputError(f'num_hidden_layers is {num_hidden_layers}, expected at least 1')
        if target not in ('nearest', 'bilinear'):
            raise InputError(f"target is {target!r}, expected 'nearest' or 'bilinear'")
        self.depth_space = check_depth_space(depth_space)
        self.predict_uncertainty = predict_uncertainty
        self.target = target
        widths = [in_channels] + [hidden_channels] * num_hidden_layers
        layers: List[nn.Module] = []
        for width, next_width in zip(widths, widths[1:]):
            layers += [nn.Conv2d(width, next_width, 3, padding=1), nn.ReLU(inplace=True)]
        layers.append(nn.Conv2d(hidden_channels, 1 + predict_uncertainty, 1))
        self.layers = nn.Sequential(*layers)
        self.loss = MODELS.build(loss)

    def forward(self, feature: torch.Tensor, labels: AuxiliaryLabels) -> Dict[str, torch.Tensor]:
        """Compute the loss. Every rank must call it.

        Args:
            feature: (B, C, H, W) shared features.
            labels: labels with objects.

        Returns:
            ``loss_object_depth``, the mean over the object cells of all ranks; a
            differentiable zero if there are none.

        Raises:
            InputError: the labels have no objects.
        """
        objects = labels.need_objects(self)
        # Under autocast bfloat16 rounds the depth to 0.8 %. This is enough for an auxiliary, and a
        # float32 output layer would take a third of the head's time.
        output = self.layers(feature).float()
        draw = (rasterize_object_depths if self.target == 'nearest'
                else interpolate_object_depths)
        target = draw(objects, objects.depths_in(self.depth_space), len(feature),
                      feature.shape[-2:])
        valid = target.isfinite()
        # Equal to 1 / sigmoid(x) - 1.
        depth = torch.exp(-output[:, 0])
        weight = valid.to(depth) * (valid.numel() / mean_count(valid.sum()))
        target = torch.where(valid, target, 0.)
        if self.predict_uncertainty:
            loss = self.loss(depth, output[:, 1], target, weight)
        else:
            loss = self.loss(depth, target, weight)
        return dict(loss_object_depth=loss)
