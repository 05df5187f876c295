"""Metric losses on objects' descriptors as auxiliary supervision.

Legend: B images, M objects, C channels, N objects of all processes.
"""
from typing import Dict, Tuple

import torch
import torch.distributed.nn
import torch.nn as nn
import torch.nn.functional as F
from mmdet3d.registry import MODELS
from mmengine.dist import all_gather, get_world_size
from torchvision.ops import roi_align

from ...errors import InputError
from ...metric_learning import QuasiIsometricLoss
from .auxiliary_labels import AuxiliaryLabels
from .auxiliary_objects import check_depth_space, inside_map


def sample_descriptors(feature: torch.Tensor, image_index: torch.Tensor,
                       points: torch.Tensor) -> torch.Tensor:
    """Features at points, bilinear between the centres of cells.

    Args:
        feature: (B, C, H, W).
        image_index: (M,) long.
        points: (M, 2) feature pixels.

    Returns:
        (M, C); zeros for points more than a cell outside the map.
    """
    # An ROI without extent is a point.
    rois = torch.cat([image_index[:, None].to(points), points, points], dim=1).float()
    return roi_align(feature.float(), rois, 1, sampling_ratio=1, aligned=True).flatten(1)


def mean_descriptors(feature: torch.Tensor, image_index: torch.Tensor,
                     boxes: torch.Tensor, roi_size: int = 7) -> torch.Tensor:
    """Means over ROIs: (B, C, H, W), (M,) and (M, 4) feature pixels -> (M, C)."""
    rois = torch.cat([image_index[:, None].to(boxes), boxes], dim=1).float()
    return roi_align(feature.float(), rois, roi_size, aligned=True).mean(dim=(2, 3))


def gather_objects(descriptors: torch.Tensor, depths: torch.Tensor,
                   labels: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Objects of all processes, with gradients of the descriptors.

    Every process computes the same loss of all N objects; the gradients that reach
    its own descriptors are summed over processes, and DistributedDataParallel's mean
    over parameters makes them those of one process with the whole batch.

    Args:
        descriptors: (M, C).
        depths, labels: (M,).

    Returns:
        (N, C), (N,) and (N,), process by process.
    """
    if get_world_size() == 1:
        return descriptors, depths, labels
    counts = torch.cat(all_gather(torch.tensor([len(depths)], device=depths.device))).tolist()
    # Processes hold different numbers of objects, but must send equal shapes.
    padding = max(counts) - len(depths)
    gathered = torch.distributed.nn.all_gather(F.pad(descriptors, (0, 0, 0, padding)))
    return tuple(torch.cat([item[:count] for item, count in zip(items, counts)]) for items in (
        gathered, all_gather(F.pad(depths, (0, padding))), all_gather(F.pad(labels, (0, padding)))))


@MODELS.register_module()
class MetricAuxiliary(nn.Module):
    """A metric loss on shared features of objects.

    Pairs are formed over the objects of all images of all processes. There are no
    parameters.

    Args:
        loss: config of the loss, :class:`QuasiIsometricLoss`, called with (N, C)
            descriptors, (N,) depths and (N,) labels, or :class:`RankNContrastLoss`,
            called with the former two.
        depth_space: ``'metric'`` or ``'apparent'``, see :class:`AuxiliaryObjects`.
        descriptor: ``'center'``, the feature at the projected 3D centre, or ``'box'``,
            the mean over the 2D box.
        name: of its loss, which is logged as ``loss_NAME``.

    Raises:
        InputError: ``depth_space`` or ``descriptor`` is not known.
    """

    def __init__(self, loss: dict, depth_space: str = 'metric', descriptor: str = 'center',
                 name: str = 'metric') -> None:
        super().__init__()
        self.depth_space = check_depth_space(depth_space)
        if descriptor not in ('center', 'box'):
            raise InputError(f"descriptor is {descriptor!r}, expected 'center' or 'box'")
        self.descriptor = descriptor
        self.name = name
        self.loss = MODELS.build(loss)

    def forward(self, feature: torch.Tensor, labels: AuxiliaryLabels) -> Dict[str, torch.Tensor]:
        """``loss_metric`` and, of the quasi-isometric loss, ``qi_satisfied``, the share
        of pairs in the band. Objects whose projected centre lies outside the map form
        no pairs.

        Args:
            feature: (B, C, H, W) shared features.

        Raises:
            InputError: there are no objects.
        """
        objects = labels.need_objects(self)
        if self.descriptor == 'center':
            descriptors = sample_descriptors(feature, objects.image_index, objects.centers)
        else:
            descriptors = mean_descriptors(feature, objects.image_index, objects.boxes)
        seen = inside_map(objects.centers, feature.shape[-2:])
        depths = torch.where(seen, objects.depths_in(self.depth_space), torch.nan)
        descriptors, depths, labels = gather_objects(descriptors, depths, objects.labels)
        if isinstance(self.loss, QuasiIsometricLoss):
            loss, satisfied = self.loss(descriptors, depths, labels)
            return {f'loss_{self.name}': loss, 'qi_satisfied': satisfied}
        return {f'loss_{self.name}': self.loss(descriptors, depths)}
