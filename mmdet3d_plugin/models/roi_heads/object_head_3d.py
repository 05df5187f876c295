"""The 3D head: depth, size, centre and heading of objects from ROI features.

Legend: M objects, S x S = L ROI locations, K classes, N heading bins.
"""
import math
from dataclasses import dataclass
from typing import Dict, Optional, Tuple

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS, TASK_UTILS
from mmengine.model import BaseModule

from ...errors import InputError
from ..task_modules.center_target_assigner import CenterTargets
from ..task_modules.input_geometry import InputGeometry


@dataclass
class ObjectPredictions:
    """Output of the head, float32.

    Attributes:
        raw_depths: (M, L) depth of each location before decoding.
        log_variances: (M, L) log-variance of its Laplacian.
        logits: (M, L) how fit each location is to regress depth.
        size_residuals: (M, 3) height, width, length minus the class mean, metres.
        offsets_3d: (M, 2) projected 3D centre minus cell, feature pixels.
        heading_logits: (M, N) scores of the heading bins.
        heading_residuals: (M, N) residual in each bin, radians.
    """
    raw_depths: torch.Tensor
    log_variances: torch.Tensor
    logits: torch.Tensor
    size_residuals: torch.Tensor
    offsets_3d: torch.Tensor
    heading_logits: torch.Tensor
    heading_residuals: torch.Tensor


@MODELS.register_module()
class ObjectHead3D(BaseModule):
    """MonoLSS's 3D heads: three maps over the ROI and three pooled vectors.

    Args:
        in_channels: C, channels of the feature map.
        hidden_channels: channels of each branch's hidden layer.
        extractor: config of the ROI feature extractor.
        heading_coder: config of the heading coder.
        sample_selector: config of the selector that weighs ROI locations.
        loss_depth, loss_size_3d, loss_offset_3d, loss_heading: loss configs.
        depth_reduction: test-time depth, ``'weighted_mean'`` over the ROI by
            certainty, or ``'largest_logit'``; by default the one that suits the
            selector, and the mean while it does not select.
        prior_depth: metres that depths start from at zoom 1. Short
            schedules profit from a guess; the published code starts from 1.
    """

    def __init__(self, in_channels: int, hidden_channels: int, extractor: dict,
                 heading_coder: dict, sample_selector: dict, loss_depth: dict,
                 loss_size_3d: dict, loss_offset_3d: dict, loss_heading: dict,
                 depth_reduction: Optional[str] = None, prior_depth: float = 1.0,
                 init_cfg=None) -> None:
        super().__init__(init_cfg)
        self.sample_selector = TASK_UTILS.build(sample_selector)
        # False while sample selection warms up: all locations then count the same.
        self.selecting = True
        if depth_reduction not in (None, 'weighted_mean', 'largest_logit'):
            raise InputError(f"depth_reduction is {depth_reduction!r}, expected 'weighted_mean' "
                             "or 'largest_logit'")
        self.depth_reduction = depth_reduction
        self.extractor = MODELS.build(extractor)
        num_locations = self.extractor.roi_size ** 2
        expected = getattr(self.sample_selector, 'num_locations', num_locations)
        if expected != num_locations:
            raise InputError(f'sample_selector.num_locations is {expected}, but an ROI of the '
                             f'extractor has {num_locations} locations')
        self.heading_coder = TASK_UTILS.build(heading_coder)
        object_channels = in_channels + 2 + self.extractor.num_classes

        def map_branch() -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(object_channels, hidden_channels, 3, padding=1),
                nn.LeakyReLU(inplace=True),
                nn.Conv2d(hidden_channels, 1, 1))

        def pooled_branch(out_channels: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(object_channels, hidden_channels, 3, padding=1),
                nn.BatchNorm2d(hidden_channels),
                nn.ReLU(inplace=True),
                nn.AdaptiveAvgPool2d(1),
                nn.Conv2d(hidden_channels, out_channels, 1))

        self.depth = map_branch()
        self.uncertainty = map_branch()
        self.logit = map_branch()
        self.size_3d = pooled_branch(3)
        self.offset_3d = pooled_branch(2)
        self.heading = pooled_branch(2 * self.heading_coder.num_bins)
        self.loss_depth = MODELS.build(loss_depth)
        self.loss_size_3d = MODELS.build(loss_size_3d)
        self.loss_offset_3d = MODELS.build(loss_offset_3d)
        self.loss_heading = MODELS.build(loss_heading)
        # Depth is exp(-raw) * zoom.
        nn.init.constant_(self.depth[-1].bias, -math.log(prior_depth))

    def forward(self, feature: torch.Tensor, boxes: torch.Tensor, image_index: torch.Tensor,
                labels: torch.Tensor, geometry: InputGeometry) -> ObjectPredictions:
        """See :meth:`ObjectROIExtractor.forward` for the arguments.

        Runs in float32 under autocast too: bfloat16 resolves neither the rays
        across a far object nor its depth to better than a few percent.
        """
        with torch.autocast(feature.device.type, enabled=False):
            objects = self.extractor(feature.float(), boxes, image_index, labels, geometry)
            heading_logits, heading_residuals = self.heading(objects).flatten(1).chunk(2, dim=1)
            return ObjectPredictions(
                raw_depths=self.depth(objects).flatten(1),
                log_variances=self.uncertainty(objects).flatten(1),
                logits=self.logit(objects).flatten(1),
                size_residuals=self.size_3d(objects).flatten(1),
                offsets_3d=self.offset_3d(objects).flatten(1),
                heading_logits=heading_logits,
                heading_residuals=heading_residuals)

    def loss(self, predictions: ObjectPredictions, depths: torch.Tensor,
             targets: CenterTargets) -> Dict[str, torch.Tensor]:
        """Losses by task name.

        Args:
            predictions: of the targets' M objects, M > 0.
            depths: (M, L) decoded depths, metres.
            targets: of the batch.
        """
        code = targets.code
        bins, residuals = self.heading_coder.encode(code.alphas)
        return dict(
            depth=self.loss_depth(depths, predictions.log_variances,
                                  code.depths[:, None].expand_as(depths),
                                  self._loss_factor * self.sample_weights(predictions.logits)),
            size_3d=self.loss_size_3d(predictions.size_residuals, code.size_residuals),
            offset_3d=self.loss_offset_3d(predictions.offsets_3d, code.offsets_3d),
            heading=self.loss_heading(predictions.heading_logits,
                                      predictions.heading_residuals, bins, residuals))

    def sample_weights(self, logits: torch.Tensor) -> torch.Tensor:
        """(M, L) logits -> how much each location counts, the same for all while
        selection warms up."""
        return self.sample_selector(logits) if self.selecting else torch.ones_like(logits)

    @property
    def _loss_factor(self) -> float:
        return self.sample_selector.loss_factor if self.selecting else 1.

    def zero_loss(self) -> Dict[str, torch.Tensor]:
        """Zeros that reach every weight, for a batch without objects.

        Batch norm has no statistics of nothing, so the branches can't run.
        """
        zero = sum(parameter.sum() for parameter in self.parameters()) * 0
        return dict(depth=zero, size_3d=zero, offset_3d=zero, heading=zero)

    def reduce_depths(self, predictions: ObjectPredictions,
                      depths: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """One depth and one confidence an object, from its L locations.

        A location's certainty is ``p = exp(-sigma)`` with ``sigma = exp(s / 2)``.
        The depth is ``sum(p z) / sum(p)`` (DID-M3D) or that of the location with
        the largest logit (MonoLSS), the confidence ``sum(p^2) / sum(p)``.

        Args:
            depths: (M, L) decoded depths, metres.

        Returns:
            (M,) depths in metres and (M,) confidences in (0, 1).
        """
        log_certainty = -torch.exp(0.5 * predictions.log_variances)
        # Normalised in log space, certainties that underflow still weigh.
        weights = log_certainty.softmax(dim=1)
        confidences = (weights * log_certainty.exp()).sum(dim=1)
        trusted = self.sample_selector.depth_reduction if self.selecting else 'weighted_mean'
        if (self.depth_reduction or trusted) == 'weighted_mean':
            return (weights * depths).sum(dim=1), confidences
        chosen = predictions.logits.argmax(dim=1, keepdim=True)
        return depths.gather(1, chosen)[:, 0], confidences
