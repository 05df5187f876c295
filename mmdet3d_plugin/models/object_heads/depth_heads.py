"""Depth heads of MonoDLE, MonoCon, GUPNet, DID-M3D and MonoLSS.

Notation: M objects with L locations each (ROI cells, or a single cell), x a network output, z
depth in metres, s the log-variance of the Laplacian of z with scale sigma = exp(s / 2).
"""
import math
from dataclasses import dataclass
from typing import Any, Optional, Tuple, Union

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS, TASK_UTILS
from mmengine.model import BaseModule
from torchvision.ops import roi_align

from ...errors import InputError
from ..model_contract import FOLLOWS_CAMERA, FOLLOWS_INPUT, FOLLOWS_ZOOM
from ..task_modules.center_target_assigner import CenterTargets
from ..task_modules.rank_means import mean_count
from .object_point_extractor import ObjectPointExtractor
from .object_queries import ObjectQueries
from .object_roi_extractor import ObjectROIExtractor

Extractor = Union[ObjectPointExtractor, ObjectROIExtractor]


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
    """Base class of depth heads, with the loss and the reduction to one depth per object.

    Args:
        loss: config of the loss. It is called with (z, s, target, weight), all (M, L).

    Attributes:
        num_size_outputs: values per object that the size branch of the 3D head predicts:
            3, or 4 with the log-variance of the height.
        depth_follows: what the depth follows, see ``model_contract``.
    """

    num_size_outputs = 3
    depth_follows = FOLLOWS_INPUT

    def __init__(self, loss: dict, init_cfg=None) -> None:
        super().__init__(init_cfg)
        self.loss_depth = MODELS.build(loss)

    def forward(self, objects, queries: ObjectQueries, sizes: torch.Tensor) -> DepthEstimates:
        """Estimate the depths of M objects.

        Args:
            objects: output of the extractor that the head was built with.
            queries: M objects.
            sizes: (M, ``num_size_outputs``) as in ``ObjectPredictions.sizes``: height, width,
                length minus the class mean, metres, and the log-variance of the height.
        """
        raise NotImplementedError

    def loss(self, estimates: Any, targets: CenterTargets,
             weight: torch.Tensor) -> torch.Tensor:
        """Compute the depth loss of M objects.

        Args:
            estimates: estimates of the M objects.
            targets: targets of the same objects.
            weight: (M, 1) weights of the objects, ``CenterTargets.weights`` or
                ``CenterTargets.whole_weights``.
        """
        target = targets.code.depths[:, None].expand_as(estimates.depths)
        return self.loss_depth(estimates.depths, estimates.log_variances, target,
                               weight * self.sample_weights(estimates))

    def sample_weights(self, estimates: Any) -> torch.Tensor:
        """Return (M, L) weights of the locations in the loss."""
        return torch.ones_like(estimates.depths)

    def reduce(self, estimates: Any) -> Tuple[torch.Tensor, torch.Tensor]:
        """Reduce the estimates to one depth and one confidence per object.

        The certainty of a location is ``p = exp(-sigma)``. The depth is
        ``sum(p z) / sum(p)`` and the confidence ``sum(p^2) / sum(p)`` (GUPNet, DID-M3D).

        Returns:
            (M,) depths in metres and (M,) confidences in (0, 1).
        """
        weights, confidences = certainty_weights(estimates.log_variances)
        return (weights * estimates.depths).sum(dim=1), confidences


def certainty_weights(log_variances: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """Return (M, L) ``p / sum(p)`` and (M,) ``sum(p^2) / sum(p)`` of (M, L) log-variances.

    Example:
        >>> certainty_weights(torch.tensor([[0., 0.]]))  # p = exp(-1) at both locations
        (tensor([[0.5000, 0.5000]]), tensor([0.3679]))
    """
    log_certainty = -torch.exp(0.5 * log_variances)
    # Normalised in log space, so that certainties that underflow keep their relative weight.
    weights = log_certainty.softmax(dim=1)
    return weights, (weights * log_certainty.exp()).sum(dim=1)


def inverse_sigmoid_depth(raw: torch.Tensor, eps: float = 1e-6) -> torch.Tensor:
    """Return ``1 / (sigmoid(x) + eps) - 1``.

    Args:
        raw: x, any shape.
        eps: lower bound of the divisor, so that depths stay below ``1 / eps`` metres: 1e-6 in
            CenterNet, MonoDLE and GUPNet, 1e-12 in MonoCon (released codes).

    Example:
        >>> inverse_sigmoid_depth(torch.tensor(-3.))  # about exp(3)
        tensor(20.0851)
    """
    return 1 / (raw.sigmoid() + eps) - 1


def start_at_depth(branch: nn.Sequential, prior_depth: float) -> None:
    """Set the output bias of a branch with depth ``exp(-x)`` so that depths start from a prior.

    Args:
        branch: branch with a single output x.
        prior_depth: metres.
    """
    nn.init.constant_(branch[-1].bias, -math.log(prior_depth))


@MODELS.register_module()
class DirectDepthHead(DepthHead):
    """Depth head with one directly regressed depth per object (MonoDLE, MonoCon).

    The second output is the logarithm of the Laplacian's scale. ``log_variances`` is twice
    this value. The confidence is ``exp(-log scale)``, which can exceed 1.

    Args:
        in_channels, hidden_channels, extractor: set by :class:`ObjectHead3D`.
        loss: see :class:`DepthHead`.
        prior_depth: initial depth, metres.
        eps: see :func:`inverse_sigmoid_depth`.
    """

    def __init__(self, in_channels: int, hidden_channels: int, extractor: Extractor, loss: dict,
                 prior_depth: float = 1.0, eps: float = 1e-6, init_cfg=None) -> None:
        super().__init__(loss, init_cfg)
        self.eps = eps
        self.depth = extractor.vector_branch(in_channels, hidden_channels, 2)
        with torch.no_grad():
            self.depth[-1].bias[0] = -math.log(prior_depth)

    def forward(self, objects, queries: ObjectQueries, sizes: torch.Tensor) -> DepthEstimates:
        """Estimate one depth per object, see :class:`DepthHead`."""
        raw, log_scale = self.depth(objects).flatten(1).split(1, dim=1)
        return DepthEstimates(inverse_sigmoid_depth(raw, self.eps), 2 * log_scale)

    def reduce(self, estimates: DepthEstimates) -> Tuple[torch.Tensor, torch.Tensor]:
        """Return (M,) depths in metres and (M,) confidences ``exp(-log scale)``."""
        return estimates.depths[:, 0], torch.exp(-0.5 * estimates.log_variances[:, 0])


@MODELS.register_module()
class GeometricDepthHead(DepthHead):
    """Depth head with a geometric depth and a learned correction (GUPNet, section 3.3).

    ``z = f h3 / h2 + d``. h3 is the predicted height in metres, h2 the height of the 2D box in
    original pixels (at least 1), f the focal length in pixels, and d an inverse-sigmoid depth.
    The variances of both terms add up:
    ``s = log(exp(s_d) + exp(s_h + 2 log(f / h2)))``.

    The size branch must predict s_h as a fourth output. Its loss is
    :class:`UncertainHeightSizeLoss`.

    Args:
        in_channels, hidden_channels, extractor: set by :class:`ObjectHead3D`.
        loss: see :class:`DepthHead`.
    """

    num_size_outputs = 4
    depth_follows = FOLLOWS_CAMERA

    def __init__(self, in_channels: int, hidden_channels: int, extractor: Extractor, loss: dict,
                 init_cfg=None) -> None:
        super().__init__(loss, init_cfg)
        self.correction = extractor.vector_branch(in_channels, hidden_channels, 2)

    def forward(self, objects, queries: ObjectQueries, sizes: torch.Tensor) -> DepthEstimates:
        """Estimate one depth per object, see :class:`DepthHead`."""
        raw, log_variance = self.correction(objects).flatten(1).unbind(1)
        heights = queries.mean_sizes[:, 0] + sizes[:, 0]
        depth_per_metre = queries.focal_lengths / queries.image_heights.clamp(min=1)
        depths = heights * depth_per_metre + inverse_sigmoid_depth(raw)
        log_variances = torch.logaddexp(log_variance, sizes[:, 3] + 2 * depth_per_metre.log())
        return DepthEstimates(depths[:, None], log_variances[:, None])


@dataclass
class VisualAttributeDepths(DepthEstimates):
    """Depths as sums of a visual depth and an attribute depth.

    Attributes:
        visual: (M, L) depth of the visible surface, metres.
        visual_log_variances: (M, L).
        attribute: (M, L) depth from the surface to the object's centre, metres.
        attribute_log_variances: (M, L).
    """
    visual: torch.Tensor
    visual_log_variances: torch.Tensor
    attribute: torch.Tensor
    attribute_log_variances: torch.Tensor


@MODELS.register_module()
class VisualAttributeDepthHead(DepthHead):
    """Depth head with visual and attribute depth at each ROI location (DID-M3D, section 3.2).

    The visual depth is that of the visible surface. The attribute depth leads from the
    surface to the object's centre: ``z = zoom exp(-x_v) + x_a`` and
    ``s = log(exp(s_v) + exp(s_a))``. The visual depth is estimated from appearance, so it
    scales with the input's zoom. The attribute depth depends on the object only. The targets
    of visual depth are dense depth maps, see ``LoadDepthMap``.

    Args:
        in_channels, hidden_channels, extractor: set by :class:`ObjectHead3D`.
        loss: see :class:`DepthHead`; used for both parts and for their sum.
        max_attribute: largest difference between dense depth and object depth of a location
            on the object, metres (3 in DID-M3D's released code).
        min_known_share: smallest share of known depth in the interpolation at a location that
            counts, exclusive. With 0 a location with any known depth counts, and unknown depth
            counts as 0 m in its interpolation, as in DID-M3D's released code.
        prior_depth: initial visual depth at zoom 1, metres.

    Raises:
        InputError: the extractor has no ROIs.
    """

    depth_follows = FOLLOWS_ZOOM

    def __init__(self, in_channels: int, hidden_channels: int, extractor: Extractor, loss: dict,
                 max_attribute: float, min_known_share: float = 0.999, prior_depth: float = 1.0,
                 init_cfg=None) -> None:
        super().__init__(loss, init_cfg)
        if not isinstance(extractor, ObjectROIExtractor):
            raise InputError('VisualAttributeDepthHead needs ROIs: use an ObjectROIExtractor')
        self.max_attribute = max_attribute
        self.min_known_share = min_known_share
        self.roi_size = extractor.roi_size

        def branch() -> nn.Sequential:
            return extractor.map_branch(in_channels, hidden_channels)

        self.visual, self.visual_uncertainty = branch(), branch()
        self.attribute, self.attribute_uncertainty = branch(), branch()
        start_at_depth(self.visual, prior_depth)

    def forward(self, objects, queries: ObjectQueries,
                sizes: torch.Tensor) -> VisualAttributeDepths:
        """Estimate both depths at each location, see :class:`DepthHead`."""
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
        """Compute the sum of the losses of object depth, visual depth and attribute depth.

        The latter two are means over the locations of all ranks with known surface depth.
        The arguments are those of :meth:`DepthHead.loss`.

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
        """Read dense depth at the locations of the ground-truth 2D boxes.

        Returns:
            (M, L) surface depths in metres, and (M, L) bool: True where the depth is known
            and differs by less than ``max_attribute`` from the object's depth.

        Raises:
            InputError: the targets have no dense depth.
        """
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
        # ROI-Align blends neighbouring cells. A blend with an unknown cell is no depth.
        return surface, (share > self.min_known_share) & (gap < self.max_attribute)


@dataclass
class SelectableDepths(DepthEstimates):
    """Depths with logits for the selection of locations.

    Attributes:
        logits: (M, L), larger for locations that suit depth regression better.
    """
    logits: torch.Tensor


@MODELS.register_module()
class SelectedDepthHead(DepthHead):
    """Depth head with sample selection: a depth at each ROI location, weighted by a selector
    in the loss (MonoLSS, section 3.2).

    ``z = zoom exp(-x)``. The network estimates depth from appearance, and an object looks
    nearer by the factor ``zoom`` in an enlarged input.

    Args:
        in_channels, hidden_channels, extractor: set by :class:`ObjectHead3D`.
        loss: see :class:`DepthHead`.
        sample_selector: config of a :class:`SampleSelector`.
        reduction: test-time depth: ``'weighted_mean'``, the mean over the ROI weighted by
            certainty, or ``'largest_logit'``, the depth of the location with the largest
            logit. By default the one that suits the selector, and ``'weighted_mean'`` during
            warm-up.
        prior_depth: initial depth at zoom 1, metres. A prior helps short schedules; the
            published code starts from 1.

    Attributes:
        selecting: False during the warm-up of sample selection, when all locations have the
            same weight.

    Raises:
        InputError: the reduction is unknown, or the selector is made for another number of
            locations.
    """

    depth_follows = FOLLOWS_ZOOM

    def __init__(self, in_channels: int, hidden_channels: int, extractor: Extractor, loss: dict,
                 sample_selector: dict, reduction: Optional[str] = None,
                 prior_depth: float = 1.0, init_cfg=None) -> None:
        super().__init__(loss, init_cfg)
        if reduction not in (None, 'weighted_mean', 'largest_logit'):
            raise InputError(f"reduction is {reduction!r}, expected 'weighted_mean' or "
                             "'largest_logit'")
        self.reduction = reduction
        self.sample_selector = TASK_UTILS.build(sample_selector)
        self.selecting = True
        expected = self.sample_selector.num_locations
        if expected not in (None, extractor.num_locations):
            raise InputError(f'sample_selector.num_locations is {expected}, but an ROI of the '
                             f'extractor has {extractor.num_locations} locations')
        self.depth = extractor.map_branch(in_channels, hidden_channels)
        self.uncertainty = extractor.map_branch(in_channels, hidden_channels)
        self.logit = extractor.map_branch(in_channels, hidden_channels)
        start_at_depth(self.depth, prior_depth)

    def forward(self, objects, queries: ObjectQueries, sizes: torch.Tensor) -> SelectableDepths:
        """Estimate a depth and a logit at each location, see :class:`DepthHead`."""
        return SelectableDepths(
            depths=torch.exp(-self.depth(objects).flatten(1)) * queries.zooms[:, None],
            log_variances=self.uncertainty(objects).flatten(1),
            logits=self.logit(objects).flatten(1))

    def loss(self, estimates: SelectableDepths, targets: CenterTargets,
             weight: torch.Tensor) -> torch.Tensor:
        """Compute the depth loss with selected locations, see :meth:`DepthHead.loss`."""
        factor = self.sample_selector.loss_factor if self.selecting else 1.
        return super().loss(estimates, targets, factor * weight)

    def sample_weights(self, estimates: SelectableDepths) -> torch.Tensor:
        """Return (M, L) weights of the locations in the loss; ones during warm-up."""
        if not self.selecting:
            return torch.ones_like(estimates.logits)
        return self.sample_selector(estimates.logits)

    def reduce(self, estimates: SelectableDepths) -> Tuple[torch.Tensor, torch.Tensor]:
        """Reduce to (M,) depths and (M,) confidences, see :meth:`DepthHead.reduce`.

        The confidence is that of all locations, with either ``reduction``.
        """
        depths, confidences = super().reduce(estimates)
        trusted = self.sample_selector.depth_reduction if self.selecting else 'weighted_mean'
        if (self.reduction or trusted) == 'weighted_mean':
            return depths, confidences
        chosen = estimates.logits.argmax(dim=1, keepdim=True)
        return estimates.depths.gather(1, chosen)[:, 0], confidences
