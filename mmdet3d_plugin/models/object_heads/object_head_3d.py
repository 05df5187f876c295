"""3D head: size, centre, heading and depth of objects from their features.

Notation: M objects, N heading bins.
"""
from dataclasses import dataclass
from typing import Dict, Optional

import torch
from mmdet3d.registry import MODELS, TASK_UTILS
from mmengine.model import BaseModule

from ...errors import InputError
from ..losses import masked_loss
from ..task_modules.box_keypoints import NUM_KEYPOINTS, project_keypoints
from ..task_modules.center_target_assigner import CenterTargets
from .depth_heads import DepthEstimates
from .object_queries import ObjectQueries


@dataclass
class ObjectPredictions:
    """Output of the head, float32.

    Attributes:
        depth: estimates of the depth head.
        sizes: (M, 3) height, width, length minus the class mean, metres; or (M, 4) with the
            log-variance of the height.
        offsets_3d: (M, 2) projected 3D centre minus cell, feature pixels.
        heading_logits: (M, N) scores of the heading bins.
        heading_residuals: (M, N) residual in each bin, radians.
        corner_offsets: (M, 8, 2) projected corners minus cell, feature pixels; None if the head
            does not predict them.
    """
    depth: DepthEstimates
    sizes: torch.Tensor
    offsets_3d: torch.Tensor
    heading_logits: torch.Tensor
    heading_residuals: torch.Tensor
    corner_offsets: Optional[torch.Tensor] = None

    @property
    def size_residuals(self) -> torch.Tensor:
        """Height, width, length minus the class mean, (M, 3), metres."""
        return self.sizes[:, :3]


@MODELS.register_module()
class ObjectHead3D(BaseModule):
    """3D head with branches on object features (ROIs or points) and a depth head.

    Args:
        in_channels: C, channels of the feature map.
        hidden_channels: channels of each branch's hidden layer.
        extractor: config of the feature extractor, :class:`ObjectROIExtractor` or
            :class:`ObjectPointExtractor`.
        heading_coder: config of the heading coder.
        depth_head: config of the depth head, see ``depth_heads.py``.
        loss_size_3d: config of the size loss. It is called with ``ObjectPredictions.sizes``,
            (M, 3) targets and (M, 3) weights. A loss with an attribute ``num_size_outputs``
            needs this number of sizes per object, any other loss needs 3.
        loss_offset_3d, loss_heading: loss configs.
        learn_cropped: whether objects in randomly cropped images count in the losses of
            depth, size and 3D centre. They do not in MonoDLE. They always count in the
            heading loss.
        num_keypoints: number of projected points that the branch ``offset_3d`` predicts
            relative to the cell: 1, the 3D centre, or 9, the corners of the 3D box and then the
            centre (MonoCon). Detections use the centre only.

    Raises:
        InputError: depth head and size loss need different numbers of sizes per object, or
            ``num_keypoints`` is neither 1 nor 9.
    """

    def __init__(self, in_channels: int, hidden_channels: int, extractor: dict,
                 heading_coder: dict, depth_head: dict, loss_size_3d: dict,
                 loss_offset_3d: dict, loss_heading: dict, learn_cropped: bool = True,
                 num_keypoints: int = 1, init_cfg=None) -> None:
        super().__init__(init_cfg)
        if num_keypoints not in (1, NUM_KEYPOINTS):
            raise InputError(f'num_keypoints is {num_keypoints}, expected 1 or {NUM_KEYPOINTS}')
        self.num_keypoints = num_keypoints
        self.learn_cropped = learn_cropped
        self.extractor = MODELS.build(extractor)
        self.heading_coder = TASK_UTILS.build(heading_coder)
        self.depth_head = MODELS.build(depth_head, default_args=dict(
            in_channels=in_channels, hidden_channels=hidden_channels, extractor=self.extractor))
        self.loss_size_3d = MODELS.build(loss_size_3d)
        num_sizes = self.depth_head.num_size_outputs
        num_trained = getattr(self.loss_size_3d, 'num_size_outputs', 3)
        if num_sizes != num_trained:
            raise InputError(f'depth_head {depth_head["type"]} and loss_size_3d '
                             f'{loss_size_3d["type"]} do not fit: the depth head needs '
                             f'{num_sizes} sizes per object and the loss needs {num_trained}; '
                             'the fourth is the log-variance of the height')

        def branch(out_channels: int):
            return self.extractor.vector_branch(in_channels, hidden_channels, out_channels)

        self.size_3d = branch(num_sizes)
        self.offset_3d = branch(2 * num_keypoints)
        self.heading = branch(2 * self.heading_coder.num_bins)
        self.loss_offset_3d = MODELS.build(loss_offset_3d)
        self.loss_heading = MODELS.build(loss_heading)

    def forward(self, feature: torch.Tensor, queries: ObjectQueries) -> ObjectPredictions:
        """Predict the 3D attributes of M objects.

        Runs in float32 under autocast too, because bfloat16 rounds the rays across a far
        object, and its depth, to a few percent.

        Args:
            feature: (B, C, H, W) feature map.
            queries: M objects.
        """
        with torch.autocast(feature.device.type, enabled=False):
            objects = self.extractor(feature.float(), queries)
            sizes = self.size_3d(objects).flatten(1)
            heading_logits, heading_residuals = self.heading(objects).flatten(1).chunk(2, dim=1)
            depth = self.depth_head(objects, queries, sizes)
            points = self.offset_3d(objects).view(-1, self.num_keypoints, 2)
            return ObjectPredictions(
                depth=depth,
                sizes=sizes,
                offsets_3d=points[:, -1],
                heading_logits=heading_logits,
                heading_residuals=heading_residuals,
                corner_offsets=points[:, :-1] if self.num_keypoints > 1 else None)

    def loss(self, predictions: ObjectPredictions,
             targets: CenterTargets) -> Dict[str, torch.Tensor]:
        """Compute the losses of M objects, as means over the objects of all ranks.

        Every rank must call it. Without objects the losses are differentiable zeros.

        Args:
            predictions: predictions of the M objects.
            targets: targets of the same objects in the same order.

        Returns:
            Scalars ``depth``, ``size_3d``, ``offset_3d`` and ``heading``.
        """
        code = targets.code
        bins, residuals = self.heading_coder.encode(code.alphas)
        weight = (targets.weights if self.learn_cropped else targets.whole_weights)[:, None]
        return dict(
            depth=self.depth_head.loss(predictions.depth, targets, weight),
            size_3d=self.loss_size_3d(predictions.sizes, code.size_residuals,
                                      weight.expand_as(code.size_residuals)),
            offset_3d=self._offset_loss(predictions, targets, weight),
            heading=targets.share * self.loss_heading(
                predictions.heading_logits, predictions.heading_residuals, bins, residuals))

    def _offset_loss(self, predictions: ObjectPredictions, targets: CenterTargets,
                     weight: torch.Tensor) -> torch.Tensor:
        """Return the loss of the centre, or the mean over all known keypoints of all ranks."""
        code = targets.code
        if self.num_keypoints == 1:
            return self.loss_offset_3d(predictions.offsets_3d, code.offsets_3d,
                                       weight.expand_as(code.offsets_3d))
        keypoints, in_front = project_keypoints(targets.boxes_3d, targets.geometry, targets.stride)
        offsets = torch.cat([predictions.corner_offsets, predictions.offsets_3d[:, None]], dim=1)
        return masked_loss(self.loss_offset_3d, offsets, keypoints - code.cells[:, None],
                           in_front & (weight > 0))
