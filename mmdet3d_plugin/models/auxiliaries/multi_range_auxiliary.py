"""Auxiliary supervision by MetricDepth's loss on the cells of a feature map.

Notation: B images, C channels, (H, W) feature cells.
"""
from typing import Dict

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS

from ...errors import InputError
from .auxiliary_labels import AuxiliaryLabels
from .object_depth_head import rasterize_object_depths


@MODELS.register_module()
class MultiRangeAuxiliary(nn.Module):
    """Auxiliary with a metric loss that orders the features of cells by depth.

    The module has no parameters.

    Args:
        loss: config of a loss over feature maps, :class:`MultiRangeMetricLoss`.
        depth: ``'dense'`` for the depth maps of the samples, or ``'objects'`` for the depth
            of the nearest object with a 2D box around the cell's centre, as in
            :class:`ObjectDepthHead`.
        name: name of the loss; its key is ``loss_NAME``.

    Raises:
        InputError: ``depth`` is unknown.

    Example:
        >>> from mmdet3d_plugin.models.auxiliaries import AuxiliaryLabels
        >>> strategy = dict(type='UniformStrategy', positive_threshold=0.1,
        ...                 negative_threshold=0.5, margin=4.)
        >>> auxiliary = MultiRangeAuxiliary(dict(
        ...     type='MultiRangeMetricLoss', strategy=strategy, num_within=0, num_across=1))
        >>> feature = torch.tensor([0., 1.5]).view(2, 1, 1, 1)
        >>> labels = AuxiliaryLabels(depth_maps=torch.tensor([5., 5.75]).view(2, 1, 1))
        >>> auxiliary(feature, labels)
        {'loss_multi_range': tensor(2.5000)}
    """

    def __init__(self, loss: dict, depth: str = 'dense', name: str = 'multi_range') -> None:
        super().__init__()
        if depth not in ('dense', 'objects'):
            raise InputError(f"depth is {depth!r}, expected 'dense' or 'objects'")
        self.depth = depth
        self.name = name
        self.loss = MODELS.build(loss)

    def forward(self, feature: torch.Tensor, labels: AuxiliaryLabels) -> Dict[str, torch.Tensor]:
        """Compute the loss. Every rank must call it.

        Args:
            feature: (B, C, H, W) shared features.
            labels: labels with dense depth or objects, as ``depth`` says.

        Returns:
            ``loss_NAME``, a differentiable zero if no pair of cells is active, and the log
            values of the loss.

        Raises:
            InputError: the labels have no such depth.
        """
        if self.depth == 'dense':
            depth_maps = labels.need_depth_maps(self)
        else:
            objects = labels.need_objects(self)
            depth_maps = rasterize_object_depths(objects, objects.depths, len(feature),
                                                 feature.shape[-2:])
        result = self.loss(feature, depth_maps)
        return {f'loss_{self.name}': result.loss, **result.logs}
