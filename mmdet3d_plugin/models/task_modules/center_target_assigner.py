"""Training targets of centre-based detectors for a whole batch at once."""
from dataclasses import dataclass
from typing import NamedTuple, Optional, Sequence, Tuple

import torch
from mmdet3d.registry import TASK_UTILS
from mmdet3d.structures.det3d_data_sample import SampleList

from ...errors import InputError
from ...geometry import draw_gaussians, gaussian_radius
from .center_coder import CenterCoder, ObjectCode
from .input_geometry import InputGeometry
from .rank_means import mean_count


class MeanCounts(NamedTuple):
    """Mean counts over ranks, at least 1 in total, see :func:`mean_count`; scalar tensors.

    Attributes:
        peaks: heatmap cells with value 1.
        objects: objects.
        whole: objects in images that are not random crops.
    """
    peaks: torch.Tensor
    objects: torch.Tensor
    whole: torch.Tensor


@dataclass
class CenterTargets:
    """Targets of a batch of B images with M objects in total.

    Attributes:
        heatmap: (B, K, H, W) float32, 1 at each object's cell.
        image_index: (M,) long, image of each object.
        labels: (M,) long, class of each object.
        code: encoding of the objects.
        geometry: cameras and affines of the objects.
        boxes_3d: (M, 7) as in :class:`ObjectBoxes`.
        whole: (W,) long, indices of the objects in images that are not random crops.
        mean_counts: counts of the batch, averaged over ranks.
        stride: input pixels per feature pixel.
        depth_maps: (B, 1, H, W) dense depth, metres, 0 where unknown; None if the samples
            have none.
    """
    heatmap: torch.Tensor
    image_index: torch.Tensor
    labels: torch.Tensor
    code: ObjectCode
    geometry: InputGeometry
    boxes_3d: torch.Tensor
    whole: torch.Tensor
    mean_counts: MeanCounts
    stride: int
    depth_maps: Optional[torch.Tensor] = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def share(self) -> torch.Tensor:
        """Factor of this rank's mean loss over M objects; scalar tensor.

        With it, the mean over ranks is the mean over the objects of all ranks.
        """
        return len(self) / self.mean_counts.objects

    @property
    def weights(self) -> torch.Tensor:
        """``share`` of each object, (M,)."""
        return self.share.expand(len(self))

    @property
    def whole_weights(self) -> torch.Tensor:
        """Weights of the losses of M objects, zero in random crops, (M,).

        With them, the mean over ranks is the mean over the objects in whole images of all
        ranks.
        """
        weights = torch.zeros_like(self.code.depths)
        weights[self.whole] = len(self) / self.mean_counts.whole
        return weights


@TASK_UTILS.register_module()
class CenterTargetAssigner:
    """Assigner of heatmaps with a Gaussian at each object's cell (CenterNet).

    Args:
        min_overlap: IoU that sets the Gaussian's radius (CornerNet).
        exact_radius: whether to solve for the radius as mmdet does, see
            :func:`gaussian_radius`.
        label_alphas: whether headings are learned from the labels' observation angles, which
            KITTI rounds to a hundredth, as in MonoDLE's released code. By default they are
            learned from the 3D boxes. Training pipelines need
            ``LoadAnnotationsMono3D(alphas=True)``.
    """

    def __init__(self, min_overlap: float = 0.7, exact_radius: bool = False,
                 label_alphas: bool = False) -> None:
        self.min_overlap = min_overlap
        self.exact_radius = exact_radius
        self.label_alphas = label_alphas

    def assign(self, samples: SampleList, feature_size: Tuple[int, int], coder: CenterCoder,
               geometry: InputGeometry) -> CenterTargets:
        """Build the targets of all images. Every rank must call it.

        The point that the coder's ``cell_center`` selects must lie in the input, or less
        than one cell left of or above it.

        Args:
            samples: B samples with ``gt_instances_3d`` and ``gt_instances`` in the same
                order.
            feature_size: (H, W) of the feature map.
            coder: coder of the objects.
            geometry: geometry of the B images.

        Raises:
            InputError: only some samples have dense depth, or a sample lacks the angles that
                ``label_alphas`` needs.
        """
        instances = [sample.gt_instances_3d for sample in samples]
        labels = torch.cat([item.labels_3d for item in instances])
        device = labels.device
        counts = torch.tensor([len(item.labels_3d) for item in instances])
        cropped = torch.tensor([sample.metainfo.get('affine_aug', False) for sample in samples])
        # Built on the host from known counts, so that the host does not wait for the device.
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
        if self.label_alphas:
            if any('alphas' not in item for item in instances):
                raise InputError('label_alphas needs the observation angles of the labels: set '
                                 'alphas=True in LoadAnnotationsMono3D')
            code.alphas = torch.cat([item.alphas for item in instances])
        heatmap = self.draw_heatmap(code, image_index, labels, len(samples),
                                    coder.num_classes, feature_size)
        host_counts = (heatmap.new_full((), len(item)) for item in (labels, whole))
        mean_counts = MeanCounts(*mean_count(torch.stack([heatmap.eq(1).sum(), *host_counts])))
        return CenterTargets(heatmap, image_index, labels, code, geometry, boxes_3d, whole,
                             mean_counts, coder.stride, stack_depth_maps(samples))

    def draw_heatmap(self, code: ObjectCode, image_index: torch.Tensor, labels: torch.Tensor,
                     num_images: int, num_classes: int,
                     feature_size: Sequence[int]) -> torch.Tensor:
        """Return (B, K, H, W) heatmaps with a Gaussian for each of M objects.

        Args:
            code: encoded objects; only ``cells`` and ``sizes_2d`` are used.
            image_index: (M,) long, image of each object.
            labels: (M,) long, class of each object.
            num_images: B.
            num_classes: K.
            feature_size: (H, W).
        """
        widths, heights = code.sizes_2d.clamp(min=0).unbind(1)
        radii = gaussian_radius(heights, widths, self.min_overlap, self.exact_radius).long()
        planes = draw_gaussians(image_index * num_classes + labels, code.cells, radii,
                                num_images * num_classes, feature_size)
        return planes.view(num_images, num_classes, *feature_size)


def stack_depth_maps(samples: SampleList) -> Optional[torch.Tensor]:
    """Stack dense depth of B samples to (B, 1, H, W), metres; None if no sample has it.

    Raises:
        InputError: only some samples have dense depth.
    """
    maps = [sample.gt_depth_map.data for sample in samples if 'gt_depth_map' in sample]
    if len(maps) not in (0, len(samples)):
        raise InputError(f'{len(samples) - len(maps)} of {len(samples)} samples have no dense '
                         'depth: use LoadDepthMap for all of them or none')
    return torch.stack(maps) if maps else None
