"""Auxiliary supervision by keypoints: the projected corners and centres of 3D boxes.

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
from ..losses import masked_loss
from ..task_modules.box_keypoints import NUM_KEYPOINTS
from ..task_modules.rank_means import mean_count
from .auxiliary_labels import AuxiliaryLabels
from .auxiliary_objects import AuxiliaryObjects, inside_map


@MODELS.register_module()
class KeypointHead(BaseModule):
    """Auxiliary monocular contexts of MonoCon (Liu et al., AAAI 2022, section 3.3).

    Two dense branches predict a heatmap per keypoint and the offset of a keypoint from its
    cell. The offsets of the keypoints from the cell of the 2D box centre are
    ``ObjectHead3D``'s ``offset_3d`` with ``num_keypoints=9``.

    The cell of a keypoint is its position truncated toward zero, as in the released code. So
    keypoints less than one cell left of or above the map belong to its first column or row.
    Other keypoints outside the map, and corners behind the camera, do not count.

    Args:
        in_channels: channels of the feature map.
        hidden_channels: channels of each branch's hidden layer.
        min_overlap: IoU that sets the Gaussians' radius, solved for as mmdet does.
        loss_heatmap, loss_offset: loss configs.
        norm_cfg: normalisation in the hidden layers, if any.
    """

    def __init__(self, in_channels: int, hidden_channels: int, min_overlap: float,
                 loss_heatmap: dict, loss_offset: dict, norm_cfg: Optional[dict] = None,
                 init_cfg=None) -> None:
        super().__init__(init_cfg)
        self.min_overlap = min_overlap

        def branch(out_channels: int):
            return dense_branch(in_channels, hidden_channels, out_channels, norm_cfg)

        self.heatmap = branch(NUM_KEYPOINTS)
        self.offset = branch(2)
        self.loss_heatmap = MODELS.build(loss_heatmap)
        self.loss_offset = MODELS.build(loss_offset)
        # Initial weights as in the released code. Heatmaps start at 0.1 (prior of the focal loss).
        for module in self.offset.modules():
            if isinstance(module, nn.Conv2d):
                normal_init(module, std=0.001)
        nn.init.constant_(self.heatmap[-1].bias, bias_init_with_prob(0.1))

    def forward(self, feature: torch.Tensor, labels: AuxiliaryLabels) -> Dict[str, torch.Tensor]:
        """Compute the losses. Every rank must call it.

        Args:
            feature: (B, C, H, W) shared features.
            labels: labels with objects.

        Returns:
            ``loss_keypoint_heatmap`` and ``loss_keypoint_offset``. The latter is a mean over
            the keypoints in the maps of all ranks. It is a differentiable zero if there are
            none.

        Raises:
            InputError: the labels have no objects, or the input's affine is unknown.
        """
        objects = labels.need_objects(self)
        keypoints, known = objects.keypoints()
        # Pixels of points behind the camera are undefined and may be infinite.
        keypoints = torch.where(known[..., None], keypoints, -1.)
        # trunc gives -0. for keypoints less than one cell outside; they count as inside.
        cells = keypoints.trunc()
        inside = inside_map(cells, feature.shape[-2:])
        cells = torch.where(inside[..., None], cells, 0.).long()
        images = objects.image_index[:, None].expand_as(inside)
        offsets = gather_at_cells(run_branch(self.offset, feature), images.flatten(),
                                  cells.flatten(0, 1))
        return dict(
            loss_keypoint_heatmap=self._heatmap_loss(feature, objects, cells, inside),
            loss_keypoint_offset=masked_loss(
                self.loss_offset, offsets.view_as(keypoints), keypoints - cells, inside))

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
