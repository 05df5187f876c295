"""Base class of depth estimators that are trained on clips without labels.

Legend: B clips of T frames, the target first; H x W input pixels.
"""
from abc import abstractmethod
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from mmdet3d.structures.det3d_data_sample import SampleList
from mmengine.model import BaseModel
from mmengine.structures import PixelData

from ...errors import InputError
from ...self_supervision import disparity_to_depth, sampling_grid, smoothness_loss, warp
from ..decode_heads import DisparityOutput
from ..model_contract import DEPTH
from .clip_batch import ClipBatch
from .depth_estimator import affine_of, to_original

Motions = Dict[int, torch.Tensor]


class ClipDepth(BaseModel):
    """Base class of depth estimators that are trained on clips without labels.

    Data samples are mmdet3d's ``Det3DDataSample`` with the entries that
    :class:`~.clip_batch.ClipBatch` reads. Predicted depth is in metres if the data samples hold
    the camera's motion. If a network predicts the motion, its unit is arbitrary.

    Subclasses have a ``decode_head`` and implement :meth:`loss` and :meth:`predict_output`.

    Args:
        length_unit: metres per unit of the decode head's depth, for known motion. Losses of
            depth differences have this unit.
        data_preprocessor: config of a :class:`ClipPreprocessor`.
        init_cfg: mmengine's weight initialisation.
    """

    task = DEPTH

    def __init__(self, length_unit: float = 1., data_preprocessor: Optional[dict] = None,
                 init_cfg=None) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.length_unit = length_unit

    def forward(self, inputs: dict, data_samples: SampleList, mode: str = 'tensor'):
        """Run the model in one of mmengine's modes.

        Args:
            inputs: ``imgs`` (B, T, 3, H, W), normalised, and in training ``views``, the images
                without colour changes as RGB in [0, 1].
            data_samples: one per clip.
            mode: ``'loss'``, ``'predict'`` or ``'tensor'``.

        Returns:
            Losses by name (``'loss'``), the data samples with ``pred_depth_map``
            (``'predict'``), or a :class:`DisparityOutput` (``'tensor'``).
        """
        clip = ClipBatch.from_batch(inputs, data_samples, self.length_unit)
        if mode == 'loss':
            return self.loss(clip, data_samples)
        if mode == 'predict':
            return self.predict(clip, data_samples)
        return self.predict_output(clip)[0]

    @abstractmethod
    def loss(self, clip: ClipBatch, data_samples: SampleList) -> Dict[str, torch.Tensor]:
        """Return the losses of a batch by name."""

    @abstractmethod
    def predict_output(self, clip: ClipBatch) -> Tuple[DisparityOutput, Optional[torch.Tensor]]:
        """Return the prediction for the target frames, and the predicted motion.

        The motion (B, 4, 4) is the one from the target's to the previous frame's camera frame;
        None if no network predicted one.
        """

    @torch.no_grad()
    def predict(self, clip: ClipBatch, data_samples: SampleList) -> SampleList:
        """Predict depth at the size of the original image.

        Disparity is resized to the original image, then inverted.

        Returns:
            The data samples. ``pred_depth_map`` of each holds data (1, H, W) float32, H x W
            original pixels, and 0 at original pixels outside the input. ``pred_motion``
            (4, 4) is the motion to the previous frame's camera frame if a network predicted it.
        """
        output, motion = self.predict_output(clip)
        for index, sample in enumerate(data_samples):
            height, width = sample.img_shape[:2]
            inverse = to_original(1 / output.depth[index, :height, :width],
                                  affine_of(sample.metainfo), sample.ori_shape[:2])
            depth = torch.where(inverse > 0, self.length_unit / inverse.clamp(min=1e-6), 0)
            sample.pred_depth_map = PixelData(data=depth[None])
            if motion is not None and sample.clip_present[previous_index(clip)]:
                sample.set_field(_scaled(motion[index], self.length_unit), 'pred_motion')
        return data_samples


def _scaled(motion: torch.Tensor, factor: float) -> torch.Tensor:
    """Return a motion (4, 4) with its translation multiplied by a factor."""
    scaled = motion.clone()
    scaled[:3, 3] *= factor
    return scaled


def reconstructions(output: DisparityOutput, sources: Mapping[int, torch.Tensor],
                    cameras: torch.Tensor, motions: Motions, depth_range: Tuple[float, float]
                    ) -> List[dict]:
    """Reconstruct the target from its neighbours with the depth of every scale.

    Args:
        output: prediction for the target.
        sources: (B, 3, H, W) neighbour by offset.
        cameras: (B, 4, 4) camera frame to input pixels.
        motions: (B, 4, 4) by offset, from the target's to the neighbour's camera frame.
        depth_range: depth of disparity 1 and 0.

    Returns:
        Per scale: ``disp`` and ``depth`` (B, 1, H, W), and by offset ``grids`` (B, H, W, 2) and
        ``warps`` (B, 3, H, W).
    """
    size = next(iter(sources.values())).shape[-2:]
    found = []
    for disparity in output.disparities:
        if disparity.shape[-2:] != size:
            disparity = F.interpolate(disparity, size, mode='bilinear')
        depth = disparity_to_depth(disparity, depth_range)
        found.append(dict(disp=disparity, depth=depth,
                          **reconstruct(depth, sources, cameras, motions)))
    return found


def reconstruct(depth: torch.Tensor, sources: Mapping[int, torch.Tensor], cameras: torch.Tensor,
                motions: Motions) -> Dict[str, Motions]:
    """Reconstruct the target from its neighbours.

    Args:
        depth: (B, 1, H, W) depth of the target.
        sources: (B, 3, H, W) neighbour by offset.
        cameras: (B, 4, 4) camera frame to input pixels.
        motions: (B, 4, 4) by offset, from the target's to the neighbour's camera frame.

    Returns:
        By offset: ``grids`` (B, H, W, 2) and ``warps`` (B, 3, H, W).
    """
    grids = {offset: sampling_grid(depth, cameras, motions[offset]) for offset in sources}
    return dict(grids=grids, warps={offset: warp(sources[offset], grid)
                                    for offset, grid in grids.items()})


def pyramid_smoothness(disparities: Sequence[torch.Tensor], image: torch.Tensor
                       ) -> torch.Tensor:
    """Return the mean smoothness loss over scales. Scale s has the weight 1 / 2^s.

    Args:
        disparities: (B, 1, H / 2^s, W / 2^s) for each scale s.
        image: (B, 3, H, W) image that the disparities belong to.
    """
    losses = []
    for scale, disparity in enumerate(disparities):
        scaled = image
        if scale:
            scaled = F.interpolate(image, disparity.shape[-2:], mode='area')
        losses.append(smoothness_loss(disparity, scaled) / 2 ** scale)
    return torch.stack(losses).mean()


def check_whole(data_samples: SampleList) -> None:
    """Raise InputError if a clip of a training lacks a frame.

    The target stands in for a missing frame, and would match itself at every depth.
    """
    broken = next((sample for sample in data_samples if not all(sample.clip_present)), None)
    if broken is not None:
        raise InputError(f"{broken.img_path}: a neighbour of this frame is missing; train with "
                         "missing='stop', or take the frame out of the list")


def previous_index(clip: ClipBatch) -> Optional[int]:
    """Return the position in the clip of the latest earlier frame, or None without one."""
    earlier = [index for index, offset in enumerate(clip.offsets) if offset < 0]
    return max(earlier, key=lambda index: clip.offsets[index], default=None)
