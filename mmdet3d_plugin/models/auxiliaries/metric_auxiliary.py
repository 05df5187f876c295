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

from .auxiliary_objects import AuxiliaryObjects, check_depth_space


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


def gather_objects(descriptors: torch.Tensor,
                   depths: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """Objects of all processes, with gradients of the descriptors.

    Every process computes the same loss of all N objects; the gradients that reach
    its own descriptors are summed over processes, and DistributedDataParallel's mean
    over parameters makes them those of one process with the whole batch.

    Args:
        descriptors: (M, C).
        depths: (M,).

    Returns:
        (N, C) and (N,), process by process.
    """
    if get_world_size() == 1:
        return descriptors, depths
    counts = torch.cat(all_gather(torch.tensor([len(depths)], device=depths.device))).tolist()
    # Processes hold different numbers of objects, but must send equal shapes.
    padding = max(counts) - len(depths)
    gathered = torch.distributed.nn.all_gather(F.pad(descriptors, (0, 0, 0, padding)))
    padded = all_gather(F.pad(depths, (0, padding)))
    return (torch.cat([item[:count] for item, count in zip(gathered, counts)]),
            torch.cat([item[:count] for item, count in zip(padded, counts)]))


@MODELS.register_module()
class MetricAuxiliary(nn.Module):
    """A metric loss on shared features at the objects' projected 3D centres.

    Pairs are formed over the objects of all images of all processes. There are no
    parameters.

    Args:
        loss: config of the loss, called with (N, C) descriptors and (N,) depths;
            :class:`QuasiIsometricLoss` or :class:`RankNContrastLoss`.
        depth_space: ``'metric'`` or ``'apparent'``, see :class:`AuxiliaryObjects`.

    Raises:
        InputError: ``depth_space`` is not known.
    """

    def __init__(self, loss: dict, depth_space: str = 'metric') -> None:
        super().__init__()
        self.depth_space = check_depth_space(depth_space)
        self.loss = MODELS.build(loss)

    def forward(self, feature: torch.Tensor,
                objects: AuxiliaryObjects) -> Dict[str, torch.Tensor]:
        """``loss_metric`` and, of the quasi-isometric loss, ``qi_satisfied``, the share
        of pairs in the band.

        Args:
            feature: (B, C, H, W) shared features.
        """
        descriptors, depths = gather_objects(
            sample_descriptors(feature, objects.image_index, objects.centers),
            objects.depths_in(self.depth_space))
        result = self.loss(descriptors, depths)
        if isinstance(result, tuple):
            return dict(loss_metric=result[0], qi_satisfied=result[1])
        return dict(loss_metric=result)
