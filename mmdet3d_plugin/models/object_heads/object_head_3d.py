"""The 3D head: size, centre, heading and depth of objects from their features.

Legend: M objects, N heading bins.
"""
from dataclasses import dataclass
from typing import Dict

import torch
from mmdet3d.registry import MODELS, TASK_UTILS
from mmengine.model import BaseModule

from ...errors import InputError
from ..task_modules.center_target_assigner import CenterTargets
from .depth_heads import DepthEstimates, ObjectHeights
from .object_queries import ObjectQueries


@dataclass
class ObjectPredictions:
    """Output of the head, float32.

    Attributes:
        depth: estimates of the depth head.
        sizes: (M, 3 or 4) height, width, length minus the class mean, metres, and the
            log-variance of the height where the depth head needs it.
        offsets_3d: (M, 2) projected 3D centre minus cell, feature pixels.
        heading_logits: (M, N) scores of the heading bins.
        heading_residuals: (M, N) residual in each bin, radians.
    """
    depth: DepthEstimates
    sizes: torch.Tensor
    offsets_3d: torch.Tensor
    heading_logits: torch.Tensor
    heading_residuals: torch.Tensor

    @property
    def size_residuals(self) -> torch.Tensor:
        """(M, 3) height, width, length minus the class mean, metres."""
        return self.sizes[:, :3]


@MODELS.register_module()
class ObjectHead3D(BaseModule):
    """Branches on the features of objects: ROIs or points, with any depth head.

    Args:
        in_channels: C, channels of the feature map.
        hidden_channels: channels of each branch's hidden layer.
        extractor: config of what takes the objects' features from the map,
            :class:`ObjectROIExtractor` or :class:`ObjectPointExtractor`.
        heading_coder: config of the heading coder.
        depth_head: config of the depth head, see ``depth_heads.py``.
        loss_size_3d: config of a loss called with ``ObjectPredictions.sizes``,
            (M, 3) targets and (M, 3) weights.
        loss_offset_3d, loss_heading: loss configs.
        learn_cropped: whether objects of randomly cropped inputs teach depth, size and
            3D centre. MonoDLE does not let them; heading learns from all.

    Raises:
        InputError: one of depth head and size loss needs the variance of heights, the
            other does not.
    """

    def __init__(self, in_channels: int, hidden_channels: int, extractor: dict,
                 heading_coder: dict, depth_head: dict, loss_size_3d: dict,
                 loss_offset_3d: dict, loss_heading: dict, learn_cropped: bool = True,
                 init_cfg=None) -> None:
        super().__init__(init_cfg)
        self.learn_cropped = learn_cropped
        self.extractor = MODELS.build(extractor)
        self.heading_coder = TASK_UTILS.build(heading_coder)
        self.depth_head = MODELS.build(depth_head, default_args=dict(
            in_channels=in_channels, hidden_channels=hidden_channels, extractor=self.extractor))
        self.loss_size_3d = MODELS.build(loss_size_3d)
        with_variance = self.depth_head.needs_height_variance
        if with_variance != getattr(self.loss_size_3d, 'needs_height_variance', False):
            raise InputError(f'depth_head {depth_head["type"]} and loss_size_3d '
                             f'{loss_size_3d["type"]} do not fit: one of them needs the variance '
                             'of heights, the other does not')

        def branch(out_channels: int):
            return self.extractor.vector_branch(in_channels, hidden_channels, out_channels)

        self.size_3d = branch(3 + with_variance)
        self.offset_3d = branch(2)
        self.heading = branch(2 * self.heading_coder.num_bins)
        self.loss_offset_3d = MODELS.build(loss_offset_3d)
        self.loss_heading = MODELS.build(loss_heading)

    def forward(self, feature: torch.Tensor, queries: ObjectQueries) -> ObjectPredictions:
        """Describes M objects of a feature map (B, C, H, W).

        Runs in float32 under autocast too: bfloat16 resolves neither the rays
        across a far object nor its depth to better than a few percent.
        """
        with torch.autocast(feature.device.type, enabled=False):
            objects = self.extractor(feature.float(), queries)
            sizes = self.size_3d(objects).flatten(1)
            heights = ObjectHeights(queries.mean_sizes[:, 0] + sizes[:, 0], *sizes.T[3:])
            heading_logits, heading_residuals = self.heading(objects).flatten(1).chunk(2, dim=1)
            return ObjectPredictions(
                depth=self.depth_head(objects, queries, heights),
                sizes=sizes,
                offsets_3d=self.offset_3d(objects).flatten(1),
                heading_logits=heading_logits,
                heading_residuals=heading_residuals)

    def loss(self, predictions: ObjectPredictions,
             targets: CenterTargets) -> Dict[str, torch.Tensor]:
        """Losses by task name of the targets' M objects, means over those of all processes;
        zeros with a graph where there are none."""
        code = targets.code
        bins, residuals = self.heading_coder.encode(code.alphas)
        weight = (targets.weights if self.learn_cropped else targets.whole_weights)[:, None]
        return dict(
            depth=self.depth_head.loss(predictions.depth, targets, weight),
            size_3d=self.loss_size_3d(predictions.sizes, code.size_residuals,
                                      weight.expand_as(code.size_residuals)),
            offset_3d=self.loss_offset_3d(predictions.offsets_3d, code.offsets_3d,
                                          weight.expand_as(code.offsets_3d)),
            heading=targets.share * self.loss_heading(
                predictions.heading_logits, predictions.heading_residuals, bins, residuals))
