"""Training targets of centre detectors for a whole batch at once."""
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Optional, Sequence, Tuple

import torch
from mmdet3d.registry import TASK_UTILS
from mmdet3d.structures.det3d_data_sample import SampleList

from ...errors import InputError
from ...geometry import draw_gaussians, gaussian_radius
from .center_coder import CenterCoder, ObjectCode
from .input_geometry import InputGeometry
from .process_means import mean_count


class MeanCounts(NamedTuple):
    """How much a process holds on average, see :func:`mean_count`; scalar tensors.

    Attributes:
        peaks: cells of the heatmap at 1.
        objects, whole: objects, and those whose images are no random crops.
    """
    peaks: torch.Tensor
    objects: torch.Tensor
    whole: torch.Tensor


@dataclass
class CenterTargets:
    """Targets of a batch of B images that hold M objects together.

    Attributes:
        heatmap: (B, K, H, W) float32, 1 at each object's cell.
        image_index: (M,) long, the image of each object.
        labels: (M,) long, its class.
        code: its encoding.
        geometry: its camera and affine.
        boxes_3d: (M, 7) as in :class:`ObjectBoxes`.
        whole: (W,) long, indices of the objects whose images are no random crops.
        depth_maps: (B, 1, H, W) dense depth, metres, 0 where unknown; None where the
            samples have none.
    """
    heatmap: torch.Tensor
    image_index: torch.Tensor
    labels: torch.Tensor
    code: ObjectCode
    geometry: InputGeometry
    boxes_3d: torch.Tensor
    whole: torch.Tensor
    depth_maps: Optional[torch.Tensor] = None

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def mean_counts(self) -> MeanCounts:
        """Counts over processes, all of which must ask for them."""
        host_counts = (self.heatmap.new_full((), len(item)) for item in (self, self.whole))
        return MeanCounts(*mean_count(torch.stack([self.heatmap.eq(1).sum(), *host_counts])))

    @property
    def share(self) -> torch.Tensor:
        """Scalar that turns a mean over the M objects into this process's part of the
        mean over those of all processes."""
        return len(self) / self.mean_counts.objects

    @property
    def weights(self) -> torch.Tensor:
        """(M,) ``share`` for each object."""
        return self.share.expand(len(self))

    @property
    def whole_weights(self) -> torch.Tensor:
        """(M,) weights that turn a mean over the M objects into this process's part of
        the mean over those of whole images; zeros for the others."""
        weights = torch.zeros_like(self.code.depths)
        weights[self.whole] = len(self) / self.mean_counts.whole
        return weights


@TASK_UTILS.register_module()
class CenterTargetAssigner:
    """Puts a Gaussian at each object's cell of the heatmap (CenterNet).

    Args:
        min_overlap: IoU that sets the Gaussian's radius (CornerNet).
        exact_radius: solves for the radius as mmdet does, see :func:`gaussian_radius`.
    """

    def __init__(self, min_overlap: float = 0.7, exact_radius: bool = False) -> None:
        self.min_overlap = min_overlap
        self.exact_radius = exact_radius

    def assign(self, samples: SampleList, feature_size: Tuple[int, int], coder: CenterCoder,
               geometry: InputGeometry) -> CenterTargets:
        """Targets of all images.

        Args:
            samples: B samples whose ``gt_instances_3d`` and ``gt_instances``
                agree in order; the centres that are the coder's cells lie inside
                the input, or less than a cell left of or above it.
            feature_size: (H, W) of the feature map.
            coder: encodes the objects.
            geometry: of the B images.
        """
        instances = [sample.gt_instances_3d for sample in samples]
        labels = torch.cat([item.labels_3d for item in instances])
        device = labels.device
        counts = torch.tensor([len(item.labels_3d) for item in instances])
        cropped = torch.tensor([sample.metainfo.get('affine_aug', False) for sample in samples])
        # Built on the host, which knows the counts without asking the device.
        image_index = torch.arange(len(samples)).repeat_interleave(counts)
        whole = torch.nonzero(~cropped.repeat_interleave(counts))[:, 0]
        image_index, whole = (item.to(device, non_blocking=True) for item in (image_index, whole))
        boxes_3d = torch.cat([item.bboxes_3d.tensor for item in instances]).to(device)
        geometry = geometry.of_objects(image_index)
        code = coder.encode(
            boxes_2d=torch.cat([sample.gt_instances.bboxes for sample in samples]),
            centers_2d=torch.cat([item.centers_2d for item in instances]),
            boxes_3d=boxes_3d,
            labels=labels,
            geometry=geometry)
        heatmap = self.draw_heatmap(code, image_index, labels, len(samples),
                                    coder.num_classes, feature_size)
        return CenterTargets(heatmap, image_index, labels, code, geometry, boxes_3d, whole,
                             stack_depth_maps(samples))

    def draw_heatmap(self, code: ObjectCode, image_index: torch.Tensor, labels: torch.Tensor,
                     num_images: int, num_classes: int,
                     feature_size: Sequence[int]) -> torch.Tensor:
        """(B, K, H, W) with a Gaussian for each object in its class's plane."""
        widths, heights = code.sizes_2d.clamp(min=0).unbind(1)
        radii = gaussian_radius(heights, widths, self.min_overlap, self.exact_radius).long()
        planes = draw_gaussians(image_index * num_classes + labels, code.cells, radii,
                                num_images * num_classes, feature_size)
        return planes.view(num_images, num_classes, *feature_size)


def stack_depth_maps(samples: SampleList) -> Optional[torch.Tensor]:
    """(B, 1, H, W) dense depths of the samples, or None where there are none.

    Raises:
        InputError: some of the samples have dense depth and others have not.
    """
    maps = [sample.gt_depth_map.data for sample in samples if 'gt_depth_map' in sample]
    if len(maps) not in (0, len(samples)):
        raise InputError(f'{len(samples) - len(maps)} of {len(samples)} samples have no dense '
                         'depth: use LoadDepthMap for all of them or none')
    return torch.stack(maps) if maps else None
