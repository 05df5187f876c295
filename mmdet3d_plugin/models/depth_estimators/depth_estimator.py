"""Dense depth of one image: wiring of backbone, decoder and auxiliaries.

Legend: B images, H x W input pixels.
"""
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from mmdet3d.registry import MODELS
from mmdet3d.structures.det3d_data_sample import SampleList
from mmengine.model import BaseModel
from mmengine.structures import PixelData

from ...errors import InputError
from ..auxiliaries import AuxiliaryLabels, add_losses
from ..depth_decoders import DepthOutput
from ..model_contract import DEPTH


@MODELS.register_module()
class DepthEstimator(BaseModel):
    """Metres at every pixel of an image.

    Samples are mmdet3d's, as for detectors: ``affine`` (3, 3) ties the original image to the
    input, ``cam2img`` is the camera of the original image, ``gt_depth_map`` the depth in
    metres, 0 where unknown, of the input's size in training.

    Args:
        backbone: config; gives maps of the input, finest first.
        decode_head: config of a :class:`DepthDecoder`.
        auxiliary: configs of modules that see the map that the prediction layer reads, and
            the depth, in training, ``module(feature, AuxiliaryLabels) -> losses``.
            Prediction never runs them.
        test_cfg: ``flip`` tells whether to average the prediction with that of the mirrored
            image.
    """

    task = DEPTH

    def __init__(self, backbone: dict, decode_head: dict, auxiliary: Sequence[dict] = (),
                 test_cfg: dict = dict(flip=False), data_preprocessor: Optional[dict] = None,
                 init_cfg=None) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        self.decode_head = MODELS.build(decode_head)
        self.auxiliary = nn.ModuleList(MODELS.build(item) for item in auxiliary)
        self.test_cfg = test_cfg

    def dense_parts(self) -> Dict[str, nn.Module]:
        """Modules that run at every pixel, see ``model_contract``."""
        return dict(backbone=self.backbone, decode_head=self.decode_head)

    def loss_methods(self) -> List[Tuple[Any, str]]:
        """Methods that compute losses, see ``model_contract``."""
        return [(self.decode_head, 'loss')]

    def forward(self, inputs: dict, data_samples: Optional[SampleList] = None,
                mode: str = 'tensor'):
        """Losses (mode ``'loss'``), filled samples (``'predict'``) or a :class:`DepthOutput`
        (``'tensor'``) of the images (B, 3, H, W) in ``inputs['imgs']``."""
        modes = dict(loss=self.loss, predict=self.predict, tensor=self._forward)
        return modes[mode](inputs, data_samples)

    def loss(self, inputs: dict, data_samples: SampleList) -> Dict[str, torch.Tensor]:
        """``loss_depth`` and the losses of the auxiliaries.

        Raises:
            InputError: a sample has no depth map, or one of another size than its input.
        """
        output = self._forward(inputs, data_samples)
        labels = self._labels(inputs, data_samples)
        losses = self.decode_head.loss(output, labels.depth_maps)
        for auxiliary in self.auxiliary:
            add_losses(losses, auxiliary(output.feature, labels))
        return losses

    def auxiliary_inputs(self, inputs: dict,
                         data_samples: SampleList) -> Tuple[torch.Tensor, AuxiliaryLabels]:
        """What the auxiliaries see of a labelled batch."""
        return self._forward(inputs, data_samples).feature, self._labels(inputs, data_samples)

    @torch.no_grad()
    def predict(self, inputs: dict, data_samples: SampleList) -> SampleList:
        """Fills ``pred_depth_map`` of every sample: data (1, H, W) float32, metres, of the
        original image's size, within the decoder's range of depth, 0 where the input did not
        show the original image."""
        depth = self._forward(inputs, data_samples).depth
        if self.test_cfg['flip']:
            mirrored = dict(inputs, imgs=inputs['imgs'].flip(-1))
            depth = (depth + self._forward(mirrored, data_samples).depth.flip(-1)) / 2
        depth = depth.clamp(self.decode_head.min_depth, self.decode_head.max_depth)
        for sample, input_depth in zip(data_samples, depth):
            height, width = sample.img_shape[:2]
            original = to_original(input_depth[:height, :width], affine_of(sample.metainfo),
                                   sample.ori_shape[:2])
            sample.pred_depth_map = PixelData(data=original[None])
        return data_samples

    def _forward(self, inputs: dict, data_samples: Optional[SampleList] = None) -> DepthOutput:
        images = inputs['imgs']
        focals = None
        if data_samples is not None and self.decode_head.reference_focal is not None:
            focals = torch.tensor([focal_of(sample.metainfo) for sample in data_samples])
            focals = focals.to(images.device, non_blocking=True)
        return self.decode_head(self.backbone(images), tuple(images.shape[-2:]), focals)

    def _labels(self, inputs: dict, samples: SampleList) -> AuxiliaryLabels:
        """Depth (B, H, W) that is in the decoder's range, 0 elsewhere and in padding."""
        height, width = inputs['imgs'].shape[-2:]
        depth = torch.stack([
            F.pad(item, (0, width - item.shape[1], 0, height - item.shape[0]))
            for item in map(depth_map_of, samples)])
        learned = (depth >= self.decode_head.min_depth) & (depth <= self.decode_head.max_depth)
        return AuxiliaryLabels(objects=None, depth_maps=torch.where(learned, depth, 0))


def depth_map_of(sample) -> torch.Tensor:
    """(H, W) metres; raises InputError unless it is there and fits its input."""
    name = sample.get('img_path', 'a sample')
    if 'gt_depth_map' not in sample:
        raise InputError(f'{name}: no gt_depth_map to learn from; put LoadDepthMap into the '
                         'training pipeline')
    depth = sample.gt_depth_map.data[0]
    if tuple(depth.shape) != tuple(sample.img_shape[:2]):
        raise InputError(f'{name}: its depth map of {tuple(depth.shape)} rows and columns does '
                         f'not fit its input of {tuple(sample.img_shape[:2])}; transform both '
                         'alike, CropScaleAffine with stride=1')
    return depth


def affine_of(meta: dict) -> np.ndarray:
    """(3, 3) original to input pixels; without a record, they are the same."""
    return np.asarray(meta.get('affine', np.eye(3)), dtype=np.float64)


def focal_of(meta: dict) -> float:
    """Focal length of the input, input pixels: the camera's times the image's scale.

    Raises:
        InputError: the camera is not known.
    """
    if 'cam2img' not in meta:
        raise InputError(f'{meta.get("img_path", "a sample")}: no cam2img, whose focal length '
                         'reference_focal needs; add it to meta_keys, or set '
                         'model.decode_head.reference_focal=None')
    return float(meta['cam2img'][0][0] * np.sqrt(abs(np.linalg.det(affine_of(meta)[:2, :2]))))


def to_original(depth: torch.Tensor, affine: np.ndarray, size: Sequence[int]) -> torch.Tensor:
    """Depth of an input -> depth of the original image, read where the original's pixels lie,
    bilinear between the centres of the input's.

    In double precision, so that pixels that coincide keep their value.

    Args:
        depth: (h, w) metres.
        affine: (3, 3), original to input pixels.
        size: (H, W) of the original image.

    Returns:
        (H, W) metres, 0 outside the input.
    """
    rows, columns = (torch.arange(length, device=depth.device, dtype=torch.double) + 0.5
                     for length in size)
    y, x = torch.meshgrid(rows, columns, indexing='ij')
    u, v = (row[0] * x + row[1] * y + row[2] for row in affine[:2].tolist())
    height, width = depth.shape
    inside = (u >= 0) & (u <= width) & (v >= 0) & (v <= height)
    grid = torch.stack([2 * u / width - 1, 2 * v / height - 1], dim=-1)
    # What lies between the outermost centres and the border has their depth.
    original = F.grid_sample(depth[None, None].double(), grid[None], padding_mode='border',
                             align_corners=False)[0, 0]
    return torch.where(inside, original, 0).float()
