"""Tensors of a batch of clips: images, cameras and known motion.

Legend: B clips of T frames, the target first; H x W input pixels.
"""
from dataclasses import dataclass
from typing import Dict, Optional, Sequence, Tuple

import numpy as np
import torch
from mmdet3d.structures.det3d_data_sample import SampleList

from ...errors import InputError


@dataclass
class ClipBatch:
    """Tensors of a batch of clips.

    Attributes:
        images: (B, T, 3, H, W) inputs of the networks, normalised.
        views: (B, T, 3, H, W) RGB in [0, 1] without colour changes; None where the batch has none.
        offsets: T offsets of the frames from the target, in frames; 0 first.
        present: (B, T) bool, whether a frame exists. A frame that does not exist is a copy of
            the target.
        cameras: (B, 4, 4) camera frame to input pixels, lengths in units of the model.
        motions: (B, T, 4, 4) known motion from the target's to each frame's camera frame, in
            units of the model; None if it is unknown.
    """
    images: torch.Tensor
    views: Optional[torch.Tensor]
    offsets: Tuple[int, ...]
    present: torch.Tensor
    cameras: torch.Tensor
    motions: Optional[torch.Tensor]

    @classmethod
    def from_batch(cls, inputs: dict, samples: SampleList, length_unit: float = 1.
                   ) -> 'ClipBatch':
        """Build from the preprocessed inputs and the data samples of a batch.

        Args:
            inputs: ``imgs`` (B, T, 3, H, W) and, in training, ``views``.
            samples: one per clip, with ``clip_offsets``, ``clip_present``, ``cam2img`` and, if
                it is known, ``clip_motions``.
            length_unit: metres per unit of ``cameras`` and ``motions``.

        Raises:
            InputError: the clips of the batch have different offsets.
        """
        images = inputs['imgs']
        offsets = tuple(samples[0].clip_offsets)
        other = next((sample for sample in samples if tuple(sample.clip_offsets) != offsets), None)
        if other is not None:
            raise InputError(f'{other.img_path}: its clip has the frames '
                             f'{tuple(other.clip_offsets)}, but that of {samples[0].img_path} '
                             f'{offsets}; use the same offsets in all datasets')
        known = all('clip_motions' in sample for sample in samples)

        def to_device(values: Sequence[np.ndarray], dtype: type) -> torch.Tensor:
            stacked = torch.from_numpy(np.stack(values).astype(dtype))
            return stacked.to(images.device, non_blocking=True)

        cameras = to_device([input_camera(sample.metainfo) for sample in samples], np.float32)
        cameras[:, :3, 3] /= length_unit
        motions = None
        if known:
            motions = torch.stack([sample.clip_motions for sample in samples])
            motions[..., :3, 3] /= length_unit
        return cls(images, inputs.get('views'), offsets,
                   to_device([sample.clip_present for sample in samples], bool), cameras, motions)

    @property
    def target(self) -> torch.Tensor:
        """(B, 3, H, W) clean image of the target frame."""
        assert self.views is not None  # in training
        return self.views[:, 0]

    @property
    def sources(self) -> Dict[int, torch.Tensor]:
        """Clean image (B, 3, H, W) of each neighbour by offset."""
        assert self.views is not None  # in training
        return {offset: self.views[:, index]
                for index, offset in enumerate(self.offsets) if index}


def input_camera(meta: dict) -> np.ndarray:
    """Return the (4, 4) projection from the camera frame to input pixels.

    Args:
        meta: meta information of a data sample: ``cam2img`` (3 or 4, 4) of the original image
            and, optionally, ``affine`` (3, 3) from original to input pixels.

    Example:
        >>> camera = np.array([[700., 0., 600., 0.], [0., 700., 180., 0.], [0., 0., 1., 0.]])
        >>> input_camera(dict(cam2img=camera, affine=np.diag([.5, .5, 1.])))[0]
        array([350.,   0., 300.,   0.])
    """
    camera = np.eye(4)
    camera[:3] = np.asarray(meta['cam2img'], dtype=np.float64)[:3]
    camera[:3] = np.asarray(meta.get('affine', np.eye(3)), dtype=np.float64) @ camera[:3]
    return camera
