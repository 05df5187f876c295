"""MetricDepth's loss on shared features as auxiliary supervision.

Legend: B images, C channels, (H, W) feature cells.
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
    """Features of cells as far apart as the depths that the cells show.

    There are no parameters.

    Args:
        loss: config of the loss, :class:`MultiRangeMetricLoss`.
        depth: ``'dense'``, the samples' depth maps, or ``'objects'``, at each cell that of
            the nearest object whose 2D box holds its centre, as :class:`ObjectDepthHead`.
        name: of its loss, which is logged as ``loss_NAME``.

    Raises:
        InputError: ``depth`` is not known.
    """

    def __init__(self, loss: dict, depth: str = 'dense', name: str = 'multi_range') -> None:
        super().__init__()
        if depth not in ('dense', 'objects'):
            raise InputError(f"depth is {depth!r}, expected 'dense' or 'objects'")
        self.depth = depth
        self.name = name
        self.loss = MODELS.build(loss)

    def forward(self, feature: torch.Tensor, labels: AuxiliaryLabels) -> Dict[str, torch.Tensor]:
        """``loss_multi_range``; zero with a graph where no pair of cells is active.

        Args:
            feature: (B, C, H, W).

        Raises:
            InputError: the labels have no such depth.
        """
        if self.depth == 'dense':
            depth_maps = labels.need_depth_maps(self)
        else:
            objects = labels.need_objects(self)
            depth_maps = rasterize_object_depths(objects, objects.depths, len(feature),
                                                 feature.shape[-2:])
        return {f'loss_{self.name}': self.loss(feature, depth_maps)}
