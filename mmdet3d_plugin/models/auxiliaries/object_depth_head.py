"""Auxiliary supervision by object-wise depth maps.

Notation: B images, M objects, (H, W) feature cells.
"""
from typing import Dict, Tuple

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule

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


@MODELS.register_module()
class ObjectDepthHead(BaseModule):
    """Auxiliary head that predicts the object's depth at every cell of its 2D box.

    Gradients reach all cells of an object, not only the cell of its centre
    (Depth-discriminative Metric Learning, NeurIPS 2023). The depth is
    ``1 / sigmoid(x) - 1`` for a network output x.

    Args:
        in_channels: channels of the feature map.
        hidden_channels: channels of the two hidden layers.
        loss: config of the loss. With ``predict_uncertainty`` it is called with (prediction,
            log-variance, target, weight), as :class:`LaplacianAleatoricLoss`; otherwise with
            (prediction, target, weight), as mmdet's L1Loss.
        predict_uncertainty: whether the head also predicts a log-variance.
        depth_space: ``'metric'`` or ``'apparent'``, see :meth:`AuxiliaryObjects.depths_in`.

    Raises:
        InputError: ``depth_space`` is unknown.
    """

    def __init__(self, in_channels: int, hidden_channels: int, loss: dict,
                 predict_uncertainty: bool = True, depth_space: str = 'metric',
                 init_cfg=None) -> None:
        super().__init__(init_cfg)
        self.depth_space = check_depth_space(depth_space)
        self.predict_uncertainty = predict_uncertainty
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, hidden_channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden_channels, hidden_channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden_channels, 1 + predict_uncertainty, 1))
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
        target = rasterize_object_depths(objects, objects.depths_in(self.depth_space),
                                         len(feature), feature.shape[-2:])
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
