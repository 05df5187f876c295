"""Auxiliary supervision by metric losses on the descriptors of objects.

Notation: B images, M objects of this rank, N objects of all ranks, C channels.
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
from ..layers import gather_at_cells
from .auxiliary_labels import AuxiliaryLabels
from .auxiliary_objects import AuxiliaryObjects, check_depth_space, inside_map


def sample_descriptors(feature: torch.Tensor, image_index: torch.Tensor,
                       points: torch.Tensor) -> torch.Tensor:
    """Sample features at points, with bilinear interpolation between cell centres.

    Args:
        feature: (B, C, H, W) feature map.
        image_index: (M,) long, image of each point.
        points: (M, 2) feature pixels.

    Returns:
        (M, C); zeros for points more than one cell outside the map.

    Example:
        >>> feature = torch.tensor([[[[1., 3.]]]])  # two cells, centres at x = 0.5 and 1.5
        >>> sample_descriptors(feature, torch.tensor([0]), torch.tensor([[1., 0.5]]))
        tensor([[2.]])
    """
    # ROI-Align of an empty ROI reads a single point.
    rois = torch.cat([image_index[:, None].to(points), points, points], dim=1).float()
    return roi_align(feature.float(), rois, 1, sampling_ratio=1, aligned=True).flatten(1)


def mean_descriptors(feature: torch.Tensor, image_index: torch.Tensor,
                     boxes: torch.Tensor, roi_size: int = 7) -> torch.Tensor:
    """Average features over 2D boxes.

    Args:
        feature: (B, C, H, W) feature map.
        image_index: (M,) long, image of each box.
        boxes: (M, 4) 2D boxes, feature pixels.
        roi_size: sampling points per side of a box.

    Returns:
        (M, C).
    """
    rois = torch.cat([image_index[:, None].to(boxes), boxes], dim=1).float()
    return roi_align(feature.float(), rois, roi_size, aligned=True).mean(dim=(2, 3))


def pooled_descriptors(feature: torch.Tensor, image_index: torch.Tensor, points: torch.Tensor,
                       pool_size: int = 5) -> torch.Tensor:
    """Average features over the square of cells around each point's cell.

    Cells outside the map count as zeros in the mean, the default of ``avg_pool2d``.

    Args:
        feature: (B, C, H, W) feature map.
        image_index: (M,) long, image of each point.
        points: (M, 2) feature pixels. A point outside the map takes the nearest border cell.
        pool_size: odd number of cells per side of the square.

    Returns:
        (M, C).

    Example:
        >>> feature = torch.ones(1, 1, 8, 8)
        >>> pooled_descriptors(feature, torch.tensor([0, 0]), torch.tensor([[4., 4.], [0.9, 0.]]))
        tensor([[1.0000],
                [0.3600]])
    """
    pooled = F.avg_pool2d(feature.float(), pool_size, stride=1, padding=pool_size // 2)
    columns, rows = points.floor().long().unbind(-1)
    cells = torch.stack([columns.clamp(0, feature.shape[-1] - 1),
                         rows.clamp(0, feature.shape[-2] - 1)], dim=1)
    return gather_at_cells(pooled, image_index, cells)


def gather_objects(descriptors: torch.Tensor, depths: torch.Tensor,
                   labels: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gather the objects of all ranks, with gradients of the descriptors.

    Every rank computes the same loss over all N objects. The gradients of a rank's own
    descriptors are summed over ranks. DistributedDataParallel averages the gradients of
    parameters, so they equal those of a single rank with the whole batch. Every rank must
    call it.

    Args:
        descriptors: (M, C).
        depths: (M,) metres.
        labels: (M,) class indices.

    Returns:
        (N, C), (N,) and (N,), ordered by rank.
    """
    if get_world_size() == 1:
        return descriptors, depths, labels
    counts = torch.cat(all_gather(torch.tensor([len(depths)], device=depths.device))).tolist()
    # Ranks have different numbers of objects, but all_gather needs equal shapes.
    padding = max(counts) - len(depths)
    gathered = torch.distributed.nn.all_gather(F.pad(descriptors, (0, 0, 0, padding)))
    columns = (gathered, all_gather(F.pad(depths, (0, padding))),
               all_gather(F.pad(labels, (0, padding))))
    return tuple(torch.cat([item[:count] for item, count in zip(items, counts)])
                 for items in columns)


@MODELS.register_module()
class MetricAuxiliary(nn.Module):
    """Auxiliary with a metric loss on the shared features of objects.

    Pairs are formed over the objects of all images of all ranks. The module has no parameters.

    Args:
        loss: config of a loss over objects from ``metric_learning``, such as
            :class:`QuasiIsometricLoss` or :class:`RankNContrastLoss`. It is called with (N, C)
            descriptors, (N,) depths and (N,) labels.
        depth_space: ``'metric'`` or ``'apparent'``, see :meth:`AuxiliaryObjects.depths_in`.
        descriptor: ``'center'`` for the feature at the projected 3D centre, interpolated
            between cells; ``'box'`` for the mean over the 2D box; ``'pooled_cell'`` for the
            mean over the cells around the cell of the projected 3D centre, as in the authors'
            released code.
        name: name of the loss; its key is ``loss_NAME``.
        pool_size: odd number of cells per side of the square that ``'pooled_cell'`` averages.

    Raises:
        InputError: ``depth_space`` or ``descriptor`` is unknown, or ``pool_size`` is not a
            positive odd number.

    Example:
        >>> from mmdet3d_plugin.models.auxiliaries import AuxiliaryLabels, AuxiliaryObjects
        >>> boxes = torch.tensor([[0., 0., 1., 1.], [1., 0., 2., 1.]])
        >>> index = torch.zeros(2, dtype=torch.long)
        >>> objects = AuxiliaryObjects(
        ...     image_index=index, labels=index, centers=(boxes[:, :2] + boxes[:, 2:]) / 2,
        ...     boxes=boxes, depths=torch.tensor([5., 9.]), zooms=torch.ones(2),
        ...     boxes_3d=torch.zeros(2, 7), geometry=None, stride=4)
        >>> auxiliary = MetricAuxiliary(
        ...     dict(type='QuasiIsometricLoss', K=2., B=1., epsilon=10.))
        >>> feature = torch.tensor([[[[0., 11.5]]]])  # one channel, two cells
        >>> auxiliary(feature, AuxiliaryLabels(objects))
        {'loss_metric': tensor(2.5000), 'qi_satisfied': tensor(0.)}
    """

    def __init__(self, loss: dict, depth_space: str = 'metric', descriptor: str = 'center',
                 name: str = 'metric', pool_size: int = 5) -> None:
        super().__init__()
        self.depth_space = check_depth_space(depth_space)
        if descriptor not in ('center', 'box', 'pooled_cell'):
            raise InputError(f"descriptor is {descriptor!r}, expected 'center', 'box' or "
                             "'pooled_cell'")
        if pool_size < 1 or pool_size % 2 != 1:
            raise InputError(f'pool_size is {pool_size}, expected a positive odd number')
        self.descriptor = descriptor
        self.pool_size = pool_size
        self.name = name
        self.loss = MODELS.build(loss)

    def forward(self, feature: torch.Tensor, labels: AuxiliaryLabels) -> Dict[str, torch.Tensor]:
        """Compute the loss. Every rank must call it.

        Objects with a projected 3D centre outside the map are in no pair.

        Args:
            feature: (B, C, H, W) shared features.
            labels: labels with objects.

        Returns:
            ``loss_NAME`` and the log values of the loss, for example ``qi_satisfied``.

        Raises:
            InputError: the labels have no objects.
        """
        objects = labels.need_objects(self)
        descriptors = self._descriptors(feature, objects)
        inside = inside_map(objects.centers, feature.shape[-2:])
        depths = torch.where(inside, objects.depths_in(self.depth_space), torch.nan)
        result = self.loss(*gather_objects(descriptors, depths, objects.labels))
        return {f'loss_{self.name}': result.loss, **result.logs}

    def _descriptors(self, feature: torch.Tensor, objects: AuxiliaryObjects) -> torch.Tensor:
        """Return the (M, C) descriptors of the objects."""
        if self.descriptor == 'box':
            return mean_descriptors(feature, objects.image_index, objects.boxes)
        if self.descriptor == 'pooled_cell':
            return pooled_descriptors(feature, objects.image_index, objects.centers,
                                      self.pool_size)
        return sample_descriptors(feature, objects.image_index, objects.centers)
