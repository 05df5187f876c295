"""Depth head: depth from the ground plane, with a learned correction."""
import torch
from mmdet3d.registry import MODELS, TASK_UTILS

from mmdet3d_plugin.models.model_contract import FOLLOWS_CAMERA
from mmdet3d_plugin.models.object_heads.depth_heads import DepthEstimates, DepthHead
from mmdet3d_plugin.models.object_heads.object_queries import ObjectQueries
from mmdet3d_plugin.models.object_heads.object_roi_extractor import ObjectROIExtractor


@MODELS.register_module()
class GroundDepthHead(DepthHead):
    """Depth of an object that stands on level ground, corrected at each location of its ROI.

    ``z = exp(x) f h / (v - c)``: f is the focal length in pixels, h the height of the camera
    above the ground, v the lower border of the 2D box, c the horizon, and x a network output.

    Args:
        in_channels, hidden_channels, extractor: set by ``ObjectHead3D``.
        loss: config of the loss.
        sample_selector: config of the selector. The logits are the negative log-variances.
        camera_height: h, metres.
    """

    depth_follows = FOLLOWS_CAMERA

    def __init__(self, in_channels: int, hidden_channels: int, extractor: ObjectROIExtractor,
                 loss: dict, sample_selector: dict, camera_height: float = 1.65) -> None:
        super().__init__(loss)
        self.camera_height = camera_height
        self.sample_selector = TASK_UTILS.build(sample_selector)
        self.correction = extractor.map_branch(in_channels, hidden_channels)
        self.log_variance = extractor.map_branch(in_channels, hidden_channels)

    def forward(self, objects: torch.Tensor, queries: ObjectQueries,
                sizes: torch.Tensor) -> DepthEstimates:
        """Estimate the depth of M objects at L locations each."""
        corners = queries.boxes.view(-1, 2, 2) * queries.stride  # of the 2D boxes, input pixels
        bottoms = queries.geometry.to_original(corners)[:, 1, 1]
        horizons = queries.geometry.cam2img[:, 1, 2]
        ground = self.camera_height * queries.focal_lengths / (bottoms - horizons).clamp(min=1)
        correction = torch.exp(self.correction(objects).flatten(1))
        return DepthEstimates(depths=ground[:, None] * correction,
                              log_variances=self.log_variance(objects).flatten(1))

    def sample_weights(self, estimates: DepthEstimates) -> torch.Tensor:
        """Return (M, L) weights of the locations in the loss."""
        return self.sample_selector(-estimates.log_variances.detach())
