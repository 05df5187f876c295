"""Training targets of centre detectors for a whole batch at once."""
from dataclasses import dataclass
from typing import Sequence, Tuple

import torch
from mmdet3d.registry import TASK_UTILS
from mmdet3d.structures.det3d_data_sample import SampleList

from ...geometry import draw_gaussians, gaussian_radius
from .center_roi_coder import CenterROICoder, ObjectCode
from .input_geometry import InputGeometry


@dataclass
class CenterTargets:
    """Targets of a batch of B images that hold M objects together.

    Attributes:
        heatmap: (B, K, H, W) float32, 1 at each object's cell.
        image_index: (M,) long, the image of each object.
        labels: (M,) long, its class.
        code: its encoding.
        geometry: its camera and affine.
    """
    heatmap: torch.Tensor
    image_index: torch.Tensor
    labels: torch.Tensor
    code: ObjectCode
    geometry: InputGeometry

    def __len__(self) -> int:
        return len(self.labels)


@TASK_UTILS.register_module()
class CenterTargetAssigner:
    """Puts each object at the cell of its projected 3D centre (MonoDLE).

    Args:
        min_overlap: IoU that sets the Gaussian's radius (CornerNet).
    """

    def __init__(self, min_overlap: float = 0.7) -> None:
        self.min_overlap = min_overlap

    def assign(self, samples: SampleList, feature_size: Tuple[int, int], coder: CenterROICoder,
               geometry: InputGeometry) -> CenterTargets:
        """Targets of all images.

        Args:
            samples: B samples whose ``gt_instances_3d`` and ``gt_instances``
                agree in order; projected centres lie inside the input, or
                less than a cell left of or above it.
            feature_size: (H, W) of the feature map.
            coder: encodes the objects.
            geometry: of the B images.
        """
        instances = [sample.gt_instances_3d for sample in samples]
        labels = torch.cat([item.labels_3d for item in instances])
        device = labels.device
        counts = [len(item.labels_3d) for item in instances]
        # Built on the host, which knows the counts without asking the device.
        image_index = torch.repeat_interleave(
            torch.arange(len(samples)), torch.tensor(counts)).to(device, non_blocking=True)
        geometry = geometry.of_objects(image_index)
        code = coder.encode(
            boxes_2d=torch.cat([sample.gt_instances.bboxes for sample in samples]),
            centers_2d=torch.cat([item.centers_2d for item in instances]),
            boxes_3d=torch.cat([item.bboxes_3d.tensor for item in instances]).to(device),
            labels=labels,
            geometry=geometry)
        heatmap = self.draw_heatmap(code, image_index, labels, len(samples),
                                    coder.num_classes, feature_size)
        return CenterTargets(heatmap, image_index, labels, code, geometry)

    def draw_heatmap(self, code: ObjectCode, image_index: torch.Tensor, labels: torch.Tensor,
                     num_images: int, num_classes: int,
                     feature_size: Sequence[int]) -> torch.Tensor:
        """(B, K, H, W) with a Gaussian for each object in its class's plane."""
        widths, heights = code.sizes_2d.clamp(min=0).unbind(1)
        radii = gaussian_radius(heights, widths, self.min_overlap).long()
        planes = draw_gaussians(image_index * num_classes + labels, code.cells, radii,
                                num_images * num_classes, feature_size)
        return planes.view(num_images, num_classes, *feature_size)
