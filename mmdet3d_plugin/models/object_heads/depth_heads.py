"""Depth of objects, as each detector's paper estimates it.

Legend: M objects of L locations each (ROI cells, or one), x network output, z depth in
metres, s log-variance of z's Laplacian, whose scale is sigma = exp(s / 2).
"""
import math
from dataclasses import dataclass
from typing import Optional, Tuple, Union

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS, TASK_UTILS
from mmengine.model import BaseModule
from torchvision.ops import roi_align

from ...errors import InputError
from ..task_modules.center_target_assigner import CenterTargets
from ..task_modules.process_means import mean_count
from .object_point_extractor import ObjectPointExtractor
from .object_queries import ObjectQueries
from .object_roi_extractor import ObjectROIExtractor

Extractor = Union[ObjectPointExtractor, ObjectROIExtractor]


@dataclass
class ObjectHeights:
    """Heights of M objects as the 3D head predicts them.

    Attributes:
        heights: (M,) metres.
        log_variances: (M,) of their Laplacians, where the head predicts them.
    """
    heights: torch.Tensor
    log_variances: Optional[torch.Tensor] = None


@dataclass
class DepthEstimates:
    """Depths at the L locations of M objects.

    Attributes:
        depths: (M, L) z, metres.
        log_variances: (M, L) s.
    """
    depths: torch.Tensor
    log_variances: torch.Tensor


class DepthHead(BaseModule):
    """What depth heads share: the loss and the reduction to one depth an object.

    Args:
        loss: config of the loss, called with (z, s, target, weight), all (M, L).
    """

    # Whether forward reads ObjectHeights.log_variances.
    needs_height_variance = False

    def __init__(self, loss: dict, init_cfg=None) -> None:
        super().__init__(init_cfg)
        self.loss_depth = MODELS.build(loss)

    def forward(self, objects, queries: ObjectQueries, heights: ObjectHeights) -> DepthEstimates:
        """Depths of M objects.

        Args:
            objects: features of the extractor that the head was built with.
            queries: the objects.
            heights: their predicted heights.
        """
        raise NotImplementedError

    def loss(self, estimates: DepthEstimates, targets: CenterTargets,
             weight: torch.Tensor) -> torch.Tensor:
        """Depth loss of the targets' M objects; ``weight`` (M, 1) of each makes their mean
        one over all processes."""
        target = targets.code.depths[:, None].expand_as(estimates.depths)
        return self.loss_depth(estimates.depths, estimates.log_variances, target,
                               weight * self.sample_weights(estimates))

    def sample_weights(self, estimates: DepthEstimates) -> torch.Tensor:
        """(M, L) how much each location counts in the loss."""
        return torch.ones_like(estimates.depths)

    def reduce(self, estimates: DepthEstimates) -> Tuple[torch.Tensor, torch.Tensor]:
        """One depth and one confidence an object.

        A location's certainty is ``p = exp(-sigma)``. The depth is
        ``sum(p z) / sum(p)``, the confidence ``sum(p^2) / sum(p)`` (GUPNet, DID-M3D).

        Returns:
            (M,) depths in metres and (M,) confidences in (0, 1).
        """
        weights, confidences = certainty_weights(estimates.log_variances)
        return (weights * estimates.depths).sum(dim=1), confidences


def certainty_weights(log_variances: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """(M, L) s -> (M, L) ``p / sum(p)`` and (M,) ``sum(p^2) / sum(p)``."""
    log_certainty = -torch.exp(0.5 * log_variances)
    # Normalised in log space, certainties that underflow still weigh.
    weights = log_certainty.softmax(dim=1)
    return weights, (weights * log_certainty.exp()).sum(dim=1)


def inverse_sigmoid_depth(raw: torch.Tensor) -> torch.Tensor:
    """x -> ``1 / (sigmoid(x) + 1e-6) - 1`` (CenterNet, MonoDLE, GUPNet)."""
    return 1 / (raw.sigmoid() + 1e-6) - 1


def start_at_depth(branch: nn.Sequential, prior_depth: float) -> None:
    """Lets a branch whose depth is ``exp(-x)``, or nearly so, start from a guess."""
    nn.init.constant_(branch[-1].bias, -math.log(prior_depth))


@MODELS.register_module()
class DirectDepthHead(DepthHead):
    """One depth an object, straight from its features (MonoDLE, MonoCon).

    The second output is the logarithm of the Laplacian's scale, ``log_variances``
    holds twice of it, and the confidence is ``exp(-log scale)``, which is not bounded
    by 1.

    Args:
        in_channels, hidden_channels, extractor: as :class:`ObjectHead3D` has them.
        loss: see :class:`DepthHead`.
        prior_depth: metres that depths start from.
    """

    def __init__(self, in_channels: int, hidden_channels: int, extractor: Extractor, loss: dict,
                 prior_depth: float = 1.0, init_cfg=None) -> None:
        super().__init__(loss, init_cfg)
        self.depth = extractor.vector_branch(in_channels, hidden_channels, 2)
        with torch.no_grad():
            self.depth[-1].bias[0] = -math.log(prior_depth)

    def forward(self, objects, queries: ObjectQueries, heights: ObjectHeights) -> DepthEstimates:
        raw, log_scale = self.depth(objects).flatten(1).split(1, dim=1)
        return DepthEstimates(inverse_sigmoid_depth(raw), 2 * log_scale)

    def reduce(self, estimates: DepthEstimates) -> Tuple[torch.Tensor, torch.Tensor]:
        return estimates.depths[:, 0], torch.exp(-0.5 * estimates.log_variances[:, 0])


@MODELS.register_module()
class GeometricDepthHead(DepthHead):
    """Depth from the object's heights in the world and in the image, plus a learned
    correction (GUPNet, section 3.3).

    ``z = f h3 / h2 + d``, where h3 is the predicted height in metres, h2 that of the
    2D box in original pixels (at least 1), f the focal length, and d an inverse-sigmoid
    depth. Its uncertainty is that of both:
    ``s = log(exp(s_d) + exp(s_h + 2 log(f / h2)))``.

    Args:
        in_channels, hidden_channels, extractor: as :class:`ObjectHead3D` has them.
        loss: see :class:`DepthHead`.
    """

    needs_height_variance = True

    def __init__(self, in_channels: int, hidden_channels: int, extractor: Extractor, loss: dict,
                 init_cfg=None) -> None:
        super().__init__(loss, init_cfg)
        self.correction = extractor.vector_branch(in_channels, hidden_channels, 2)

    def forward(self, objects, queries: ObjectQueries, heights: ObjectHeights) -> DepthEstimates:
        raw, log_variance = self.correction(objects).flatten(1).unbind(1)
        depth_a_metre = queries.focal_lengths / queries.image_heights.clamp(min=1)
        depths = heights.heights * depth_a_metre + inverse_sigmoid_depth(raw)
        log_variances = torch.logaddexp(
            log_variance, heights.log_variances + 2 * depth_a_metre.log())
        return DepthEstimates(depths[:, None], log_variances[:, None])


@dataclass
class VisualAttributeDepths(DepthEstimates):
    """Depths as sums of two parts, each (M, L): the visible surface, and how far
    behind it the object's centre lies."""
    visual: torch.Tensor
    visual_log_variances: torch.Tensor
    attribute: torch.Tensor
    attribute_log_variances: torch.Tensor


@MODELS.register_module()
class VisualAttributeDepthHead(DepthHead):
    """Depth of the visible surface plus the attribute depth from there to the centre,
    at each ROI location (DID-M3D, section 3.2).

    ``z = zoom exp(-x_v) + x_a`` and ``s = log(exp(s_v) + exp(s_a))``: appearance tells
    the depth of the surface and changes with the input's zoom, while the attribute depth
    depends on the object alone. Surfaces are taught by dense depth maps, see
    ``LoadDepthMap``, where these lie close to the object.

    Args:
        in_channels, hidden_channels, extractor: as :class:`ObjectHead3D` has them.
        loss: see :class:`DepthHead`; called for both parts and for their sum.
        max_attribute: metres that a location's dense depth may lie from the object's
            to be part of it (DID-M3D's released code: 3).
        prior_depth: metres that visual depths start from at zoom 1.

    Raises:
        InputError: the extractor has no ROIs.
    """

    def __init__(self, in_channels: int, hidden_channels: int, extractor: Extractor, loss: dict,
                 max_attribute: float, prior_depth: float = 1.0, init_cfg=None) -> None:
        super().__init__(loss, init_cfg)
        if not isinstance(extractor, ObjectROIExtractor):
            raise InputError('VisualAttributeDepthHead needs ROIs: use an ObjectROIExtractor')
        self.max_attribute = max_attribute
        self.roi_size = extractor.roi_size

        def branch() -> nn.Sequential:
            return extractor.map_branch(in_channels, hidden_channels)

        self.visual, self.visual_uncertainty = branch(), branch()
        self.attribute, self.attribute_uncertainty = branch(), branch()
        start_at_depth(self.visual, prior_depth)

    def forward(self, objects, queries: ObjectQueries,
                heights: ObjectHeights) -> VisualAttributeDepths:
        visual = torch.exp(-self.visual(objects).flatten(1)) * queries.zooms[:, None]
        attribute = self.attribute(objects).flatten(1)
        visual_s = self.visual_uncertainty(objects).flatten(1)
        attribute_s = self.attribute_uncertainty(objects).flatten(1)
        return VisualAttributeDepths(
            depths=visual + attribute, log_variances=torch.logaddexp(visual_s, attribute_s),
            visual=visual, visual_log_variances=visual_s,
            attribute=attribute, attribute_log_variances=attribute_s)

    def loss(self, estimates: VisualAttributeDepths, targets: CenterTargets,
             weight: torch.Tensor) -> torch.Tensor:
        """Sum of the losses of the object's depth and of both parts; the latter are
        means over the locations of all processes whose surface is known.

        Raises:
            InputError: the targets have no dense depth.
        """
        surface, valid = self.surface_depths(targets)
        known = valid & (weight > 0)
        known = known * (known.numel() / mean_count(known.sum()))
        attribute = targets.code.depths[:, None] - surface
        return (super().loss(estimates, targets, weight)
                + self.loss_depth(estimates.visual, estimates.visual_log_variances, surface, known)
                + self.loss_depth(estimates.attribute, estimates.attribute_log_variances,
                                  attribute, known))

    def surface_depths(self, targets: CenterTargets) -> Tuple[torch.Tensor, torch.Tensor]:
        """(M, L) dense depths in the labelled 2D boxes, metres, and whether they are
        known and at most ``max_attribute`` from the object's depth."""
        if targets.depth_maps is None:
            raise InputError('VisualAttributeDepthHead learns from dense depth: add LoadDepthMap '
                             "to the training pipeline and 'depth' to data_prefix")
        boxes = targets.code.boxes
        rois = torch.cat([targets.image_index[:, None].to(boxes), boxes], dim=1)
        known = (targets.depth_maps > 0).to(targets.depth_maps)
        surface, share = (
            roi_align(maps, rois, self.roi_size, aligned=False).flatten(1)
            for maps in (targets.depth_maps, known))
        gap = (surface - targets.code.depths[:, None]).abs()
        # ROI-Align blends neighbouring cells; with an unknown one among them, in vain.
        return surface, (share > 0.999) & (gap < self.max_attribute)


@dataclass
class SelectableDepths(DepthEstimates):
    """Depths with (M, L) logits of how fit each location is to regress depth."""
    logits: torch.Tensor


@MODELS.register_module()
class SelectedDepthHead(DepthHead):
    """Depth at each ROI location, of which a selector chooses those that learn
    (MonoLSS, section 3.2).

    ``z = zoom exp(-x)``: the network judges depth by appearance, and an input that is
    enlarged by ``zoom`` makes things look nearer by it.

    Args:
        in_channels, hidden_channels, extractor: as :class:`ObjectHead3D` has them.
        loss: see :class:`DepthHead`.
        sample_selector: config of the selector that weighs ROI locations.
        reduction: test-time depth, ``'weighted_mean'`` over the ROI by
            certainty, or ``'largest_logit'``; by default the one that suits the
            selector, and the mean while it does not select.
        prior_depth: metres that depths start from at zoom 1. Short
            schedules profit from a guess; the published code starts from 1.

    Raises:
        InputError: unknown reduction, or a selector for ROIs of another size.
    """

    def __init__(self, in_channels: int, hidden_channels: int, extractor: Extractor, loss: dict,
                 sample_selector: dict, reduction: Optional[str] = None,
                 prior_depth: float = 1.0, init_cfg=None) -> None:
        super().__init__(loss, init_cfg)
        if reduction not in (None, 'weighted_mean', 'largest_logit'):
            raise InputError(f"reduction is {reduction!r}, expected 'weighted_mean' or "
                             "'largest_logit'")
        self.reduction = reduction
        self.sample_selector = TASK_UTILS.build(sample_selector)
        # False while sample selection warms up: all locations then count the same.
        self.selecting = True
        expected = getattr(self.sample_selector, 'num_locations', extractor.num_locations)
        if expected != extractor.num_locations:
            raise InputError(f'sample_selector.num_locations is {expected}, but an ROI of the '
                             f'extractor has {extractor.num_locations} locations')
        self.depth = extractor.map_branch(in_channels, hidden_channels)
        self.uncertainty = extractor.map_branch(in_channels, hidden_channels)
        self.logit = extractor.map_branch(in_channels, hidden_channels)
        start_at_depth(self.depth, prior_depth)

    def forward(self, objects, queries: ObjectQueries, heights: ObjectHeights) -> SelectableDepths:
        return SelectableDepths(
            depths=torch.exp(-self.depth(objects).flatten(1)) * queries.zooms[:, None],
            log_variances=self.uncertainty(objects).flatten(1),
            logits=self.logit(objects).flatten(1))

    def loss(self, estimates: SelectableDepths, targets: CenterTargets,
             weight: torch.Tensor) -> torch.Tensor:
        factor = self.sample_selector.loss_factor if self.selecting else 1.
        return super().loss(estimates, targets, factor * weight)

    def sample_weights(self, estimates: SelectableDepths) -> torch.Tensor:
        """(M, L) how much each location counts, the same for all while selection
        warms up."""
        if not self.selecting:
            return torch.ones_like(estimates.logits)
        return self.sample_selector(estimates.logits)

    def reduce(self, estimates: SelectableDepths) -> Tuple[torch.Tensor, torch.Tensor]:
        """The confidence is that of all locations, whichever gives the depth."""
        depths, confidences = super().reduce(estimates)
        trusted = self.sample_selector.depth_reduction if self.selecting else 'weighted_mean'
        if (self.reduction or trusted) == 'weighted_mean':
            return depths, confidences
        chosen = estimates.logits.argmax(dim=1, keepdim=True)
        return estimates.depths.gather(1, chosen)[:, 0], confidences
