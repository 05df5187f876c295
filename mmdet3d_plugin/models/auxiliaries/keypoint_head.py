"""Auxiliary supervision by the projected corners of 3D boxes.

Notation: B images, M objects, (H, W) feature cells; 9 keypoints: 8 corners and the centre.
"""
from typing import Dict, Optional

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmengine.model import BaseModule, bias_init_with_prob, normal_init

from ...geometry import draw_gaussians, gaussian_radius
from ..dense_heads.center_head_2d import MIN_SCORE
from ..layers import dense_branch, gather_at_cells, run_branch
from ..task_modules.rank_means import mean_count
from .auxiliary_labels import AuxiliaryLabels
from .auxiliary_objects import NUM_KEYPOINTS, AuxiliaryObjects, inside_map


@MODELS.register_module()
class KeypointHead(BaseModule):
    """Auxiliary monocular contexts of MonoCon (Liu et al., AAAI 2022, section 3.3).

    Three dense branches predict a heatmap for each keypoint, the offset of a keypoint from
    its cell, and the offsets of the 8 corners from the cell of the 2D box centre. The offset
    of the 3D centre from this cell is the detector's ``offset_3d``.

    Args:
        in_channels: channels of the feature map.
        hidden_channels: channels of each branch's hidden layer.
        min_overlap: IoU that sets the Gaussians' radius, solved for as mmdet does.
        loss_heatmap, loss_offset, loss_corners: loss configs.
        norm_cfg: normalisation in the hidden layers, if any.
    """

    def __init__(self, in_channels: int, hidden_channels: int, min_overlap: float,
                 loss_heatmap: dict, loss_offset: dict, loss_corners: dict,
                 norm_cfg: Optional[dict] = None, init_cfg=None) -> None:
        super().__init__(init_cfg)
        self.min_overlap = min_overlap

        def branch(out_channels: int):
            return dense_branch(in_channels, hidden_channels, out_channels, norm_cfg)

        self.heatmap = branch(NUM_KEYPOINTS)
        self.offset = branch(2)
        self.corners = branch(2 * (NUM_KEYPOINTS - 1))
        self.loss_heatmap = MODELS.build(loss_heatmap)
        self.loss_offset = MODELS.build(loss_offset)
        self.loss_corners = MODELS.build(loss_corners)
        for output in (self.offset[-1], self.corners[-1]):
            normal_init(output, std=0.001)
        # Heatmaps start at 0.1 (prior of the focal loss).
        normal_init(self.heatmap[-1], std=0.001, bias=bias_init_with_prob(0.1))

    def forward(self, feature: torch.Tensor, labels: AuxiliaryLabels) -> Dict[str, torch.Tensor]:
        """Compute the losses. Every rank must call it.

        Args:
            feature: (B, C, H, W) shared features.
            labels: labels with objects.

        Returns:
            ``loss_keypoint_heatmap``, ``loss_keypoint_offset`` and ``loss_corners``. The
            latter two are means over all ranks, of keypoints inside the map and of corners
            in front of the camera. They are differentiable zeros if there are none.

        Raises:
            InputError: the labels have no objects, or the input's affine is unknown.
        """
        objects = labels.need_objects(self)
        keypoints, known = objects.keypoints()
        # Pixels of points behind the camera are undefined and may be infinite.
        keypoints = torch.where(known[..., None], keypoints, -1.)
        inside = inside_map(keypoints, feature.shape[-2:])
        cells = torch.where(inside[..., None], keypoints, 0.).long()
        centers = (objects.boxes[:, :2] + objects.boxes[:, 2:]) / 2
        center_inside = inside_map(centers, feature.shape[-2:])
        center_cells = torch.where(center_inside[:, None], centers, 0.).long()

        images = objects.image_index[:, None].expand_as(inside)
        offsets = gather_at_cells(run_branch(self.offset, feature), images.flatten(),
                                  cells.flatten(0, 1))
        corners = gather_at_cells(run_branch(self.corners, feature), objects.image_index,
                                  center_cells)
        return dict(
            loss_keypoint_heatmap=self._heatmap_loss(feature, objects, cells, inside),
            loss_keypoint_offset=masked_loss(
                self.loss_offset, offsets.view_as(keypoints), keypoints - cells, inside),
            loss_corners=masked_loss(
                self.loss_corners, corners.view(-1, NUM_KEYPOINTS - 1, 2),
                keypoints[:, :-1] - center_cells[:, None],
                known[:, :-1] & center_inside[:, None]))

    def _heatmap_loss(self, feature: torch.Tensor, objects: AuxiliaryObjects,
                      cells: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
        widths, heights = (objects.boxes[:, 2:] - objects.boxes[:, :2]).clamp(min=0).unbind(1)
        radii = gaussian_radius(heights, widths, self.min_overlap, exact=True).long()
        scores = run_branch(self.heatmap, feature).sigmoid().clamp(MIN_SCORE, 1 - MIN_SCORE)
        num_planes = len(feature) * NUM_KEYPOINTS
        planes = (objects.image_index[:, None] * NUM_KEYPOINTS
                  + torch.arange(NUM_KEYPOINTS, device=cells.device))
        # Keypoints outside the map go to an extra plane, so that shapes are fixed.
        planes = torch.where(inside, planes, num_planes)
        drawn = draw_gaussians(planes.flatten(), cells.flatten(0, 1),
                               radii.repeat_interleave(NUM_KEYPOINTS), num_planes + 1,
                               feature.shape[-2:])
        target = drawn[:-1].view_as(scores)
        num_peaks = mean_count(target.eq(1).sum())
        return self.loss_heatmap(scores, target, avg_factor=num_peaks)


def masked_loss(loss: nn.Module, prediction: torch.Tensor, target: torch.Tensor,
                mask: torch.Tensor) -> torch.Tensor:
    """Compute the mean loss over the masked points of all ranks.

    Args:
        loss: loss that is called with (prediction, target, weight) and averages over all
            elements.
        prediction, target: (M, ..., 2).
        mask: (M, ...) bool.
    """
    weight = mask[..., None].expand_as(target).to(prediction)
    # The loss averages over all elements of this rank, masked or not.
    share = weight.numel() / mean_count(weight.sum())
    total = loss(prediction, torch.where(mask[..., None], target, 0.), weight * share)
    return total if len(mask) else prediction.sum() * 0
