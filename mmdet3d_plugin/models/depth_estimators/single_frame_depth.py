"""Depth of one frame, learned from clips without labels."""
from typing import Any, Dict, List, Optional, Tuple

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmdet3d.structures.det3d_data_sample import SampleList

from ...errors import InputError
from ...self_supervision import invert_motion, reprojection_loss
from ..decode_heads import DisparityOutput
from .clip_batch import ClipBatch
from .clip_depth import ClipDepth, Motions, check_whole, pyramid_smoothness, reconstructions


@MODELS.register_module()
class SingleFrameDepth(ClipDepth):
    """Depth of one frame, learned from clips without labels (Godard et al., 2019).

    A neighbour that is sampled where the target's pixels lie in it, by predicted depth and
    motion, has to look like the target. It is also the teacher of :class:`MultiFrameDepth`.

    Args:
        backbone: config of the backbone. Its finest map has half the input's resolution.
        decode_head: config of a :class:`DisparityDecoder`.
        pose_network: config of a :class:`PoseNetwork`; None takes the motion from the data
            samples. Predicted depth is then in metres.
        smoothness_weight: weight of the edge-aware smoothness of the disparity.
        ssim_weight: share of SSIM in the photometric error.
        automask_noise: see :func:`~mmdet3d_plugin.self_supervision.reprojection_loss`.
        length_unit: see :class:`ClipDepth`.
        data_preprocessor: config of a :class:`ClipPreprocessor`.
        init_cfg: mmengine's weight initialisation.
    """

    def __init__(self, backbone: dict, decode_head: dict, pose_network: Optional[dict] = None,
                 smoothness_weight: float = 1e-3, ssim_weight: float = 0.85,
                 automask_noise: float = 1e-5, length_unit: float = 1.,
                 data_preprocessor: Optional[dict] = None, init_cfg=None) -> None:
        super().__init__(length_unit, data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        self.decode_head = MODELS.build(decode_head)
        self.pose_network: Any = MODELS.build(pose_network) if pose_network else None
        self.smoothness_weight = smoothness_weight
        self.ssim_weight = ssim_weight
        self.automask_noise = automask_noise

    def dense_parts(self) -> Dict[str, nn.Module]:
        """Return the modules that run at every pixel, see ``model_contract``."""
        return dict(backbone=self.backbone, decode_head=self.decode_head)

    def loss_methods(self) -> List[Tuple[Any, str]]:
        """Return the methods that compute losses, see ``model_contract``."""
        return [(self, 'reprojection_losses')]

    def loss(self, clip: ClipBatch, data_samples: SampleList) -> Dict[str, torch.Tensor]:
        """Return ``loss_photometric`` and ``loss_smoothness``, means over the scales.

        Raises:
            InputError: a clip lacks a frame.
        """
        check_whole(data_samples)
        return self.reprojection_losses(clip, self.estimate(clip), self.motions(clip))

    def reprojection_losses(self, clip: ClipBatch, output: DisparityOutput, motions: Motions
                            ) -> Dict[str, torch.Tensor]:
        """Return the losses of a prediction, see :meth:`loss`."""
        losses = [reprojection_loss(list(views['warps'].values()), clip.target,
                                    list(clip.sources.values()), self.ssim_weight,
                                    self.automask_noise)[0]
                  for views in reconstructions(output, clip.sources, clip.cameras, motions,
                                               self.decode_head.depth_range)]
        smoothness = pyramid_smoothness(output.disparities, clip.target)
        return dict(loss_photometric=torch.stack(losses).mean(),
                    loss_smoothness=self.smoothness_weight * smoothness)

    def predict_output(self, clip: ClipBatch) -> Tuple[DisparityOutput, None]:
        """Return the prediction for the target frames. It uses no motion."""
        return self.estimate(clip), None

    def estimate(self, clip: ClipBatch) -> DisparityOutput:
        """Return the prediction for the target frames."""
        images = clip.images[:, 0]
        return self.decode_head(self.backbone(images), tuple(images.shape[-2:]))

    def motions(self, clip: ClipBatch) -> Motions:
        """Return the motion from the target's to each neighbour's camera frame, by offset.

        The pose network sees two frames in temporal order. Its motion is inverted for a
        neighbour before the target.

        Raises:
            InputError: there is no pose network, and the data samples hold no motion.
        """
        if self.pose_network is None and clip.motions is None:
            raise InputError('model.pose_network is None, but the dataset knows no camera motion; '
                             'set a PoseNetwork, or use a set with poses')
        found = {}
        for index, offset in enumerate(clip.offsets):
            if index and clip.motions is not None and self.pose_network is None:
                found[offset] = clip.motions[:, index]
            elif index:
                found[offset] = self._predicted_motion(clip, index)
        return found

    def _predicted_motion(self, clip: ClipBatch, index: int) -> torch.Tensor:
        target, neighbour = clip.images[:, 0], clip.images[:, index]
        if clip.offsets[index] < 0:
            return invert_motion(self.pose_network(neighbour, target))
        return self.pose_network(target, neighbour)
