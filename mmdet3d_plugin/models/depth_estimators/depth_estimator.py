"""Depth estimator: backbone, decode head and auxiliaries for dense depth of one image.

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
from ..decode_heads import DepthOutput
from ..model_contract import DEPTH, FOLLOWS_CAMERA, FOLLOWS_INPUT


@MODELS.register_module()
class DepthEstimator(BaseModel):
    """Monocular estimator of depth in metres at every pixel.

    Data samples are mmdet3d's ``Det3DDataSample``, as for detectors. The estimator reads these
    entries:

    - ``affine`` (3, 3): original pixels to input pixels; identity if absent;
    - ``cam2img``: camera of the original image, only needed with ``reference_focal``;
    - ``gt_depth_map``: ``PixelData`` with data (1, h, w), metres, 0 where unknown. Only needed in
      training, where it has the size of the input without padding (``img_shape``).

    Args:
        backbone: config of the backbone. It returns feature maps of the input, finest first.
        decode_head: config of a :class:`DepthDecodeHead`.
        auxiliary: configs of modules that add losses in training. Each is called as
            ``module(feature, AuxiliaryLabels) -> losses``; ``feature`` is the input of the
            prediction layer. Prediction never runs them.
        test_cfg: ``flip``: whether to average the prediction with the prediction for the
            mirrored image (default: False).
        data_preprocessor: config of the preprocessor.
        init_cfg: mmengine's weight initialisation.

    Example:
        >>> import torch
        >>> from mmdet3d.registry import MODELS
        >>> import mmdet3d_plugin.models
        >>> model = MODELS.build(dict(
        ...     type='DepthEstimator',
        ...     backbone=dict(type='SlimDLANet', norm_cfg=dict(type='BN')),
        ...     decode_head=dict(
        ...         type='LTDecoder', in_channels=(32, 64, 128, 256), channels=(32, 16, 8),
        ...         depth_range=(1., 80.), loss_depth=dict(type='ScaleInvariantLogLoss'))))
        >>> output = model.eval()(dict(imgs=torch.rand(1, 3, 64, 96)))
        >>> tuple(output.depth.shape), tuple(output.feature.shape)
        ((1, 64, 96), (1, 8, 16, 24))
    """

    task = DEPTH

    def __init__(self, backbone: dict, decode_head: dict, auxiliary: Sequence[dict] = (),
                 test_cfg: Optional[dict] = None, data_preprocessor: Optional[dict] = None,
                 init_cfg=None) -> None:
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        self.decode_head = MODELS.build(decode_head)
        self.auxiliary = nn.ModuleList(MODELS.build(item) for item in auxiliary)
        self.test_cfg = test_cfg or dict(flip=False)

    def dense_parts(self) -> Dict[str, nn.Module]:
        """Return the modules that run at every pixel, see ``model_contract``."""
        return dict(backbone=self.backbone, decode_head=self.decode_head)

    @property
    def depth_follows(self) -> str:
        """Dependence of the predicted depth on the camera, see ``model_contract``."""
        return FOLLOWS_INPUT if self.decode_head.reference_focal is None else FOLLOWS_CAMERA

    def loss_methods(self) -> List[Tuple[Any, str]]:
        """Return the methods that compute losses, see ``model_contract``."""
        return [(self.decode_head, 'loss')]

    def forward(self, inputs: dict, data_samples: Optional[SampleList] = None,
                mode: str = 'tensor'):
        """Run the model in one of mmengine's modes.

        Args:
            inputs: ``imgs`` holds the images (B, 3, H, W), normalised.
            data_samples: one per image; optional in mode ``'tensor'`` without
                ``reference_focal``.
            mode: ``'loss'``, ``'predict'`` or ``'tensor'``.

        Returns:
            Losses by name (``'loss'``), the data samples with ``pred_depth_map``
            (``'predict'``), or a :class:`DepthOutput` (``'tensor'``).
        """
        modes = dict(loss=self.loss, predict=self.predict, tensor=self._forward)
        return modes[mode](inputs, data_samples)

    def loss(self, inputs: dict, data_samples: SampleList) -> Dict[str, torch.Tensor]:
        """Compute ``loss_depth`` and the losses of the auxiliaries.

        Raises:
            InputError: a data sample has no depth map, or its depth map and its input differ in
                size.
        """
        output = self._forward(inputs, data_samples)
        labels = self._labels(inputs, data_samples)
        losses = self.decode_head.loss(output, labels.depth_maps)
        for auxiliary in self.auxiliary:
            add_losses(losses, auxiliary(output.feature, labels))
        return losses

    def auxiliary_inputs(self, inputs: dict,
                         data_samples: SampleList) -> Tuple[torch.Tensor, AuxiliaryLabels]:
        """Return the arguments of the auxiliaries for a labelled batch.

        Returns:
            The input of the prediction layer (B, C, h, w), and the ground-truth depth.
        """
        return self._forward(inputs, data_samples).feature, self._labels(inputs, data_samples)

    @torch.no_grad()
    def predict(self, inputs: dict, data_samples: SampleList) -> SampleList:
        """Predict depth at the size of the original image.

        Returns:
            The data samples. ``pred_depth_map`` of each holds data (1, H, W) float32, metres,
            H x W original pixels. Depth is within the decode head's ``depth_range``, and 0 at
            original pixels outside the input.
        """
        images = inputs['imgs']
        depth = self.estimate(images, self._focals(data_samples, images.device))
        for sample, input_depth in zip(data_samples, depth):
            height, width = sample.img_shape[:2]
            original = to_original(input_depth[:height, :width], affine_of(sample.metainfo),
                                   sample.ori_shape[:2])
            sample.pred_depth_map = PixelData(data=original[None])
        return data_samples

    def estimate(self, images: torch.Tensor, focals: Optional[torch.Tensor]) -> torch.Tensor:
        """Predict the depth of inputs, averaged with the mirrored one where ``test_cfg`` says so.

        Args:
            images: (B, 3, H, W), normalised.
            focals: (B,) focal lengths of the inputs, input pixels; only needed with
                ``reference_focal``.

        Returns:
            (B, H, W) depth within ``depth_range``, metres.
        """
        depth = self._run(images, focals).depth
        if self.test_cfg['flip']:
            depth = (depth + self._run(images.flip(-1), focals).depth.flip(-1)) / 2
        return depth.clamp(self.decode_head.min_depth, self.decode_head.max_depth)

    def _forward(self, inputs: dict, data_samples: Optional[SampleList] = None) -> DepthOutput:
        images = inputs['imgs']
        return self._run(images, self._focals(data_samples, images.device))

    def _run(self, images: torch.Tensor, focals: Optional[torch.Tensor]) -> DepthOutput:
        return self.decode_head(self.backbone(images), tuple(images.shape[-2:]), focals)

    def _focals(self, data_samples: Optional[SampleList],
                device: torch.device) -> Optional[torch.Tensor]:
        """Return the (B,) focal lengths of the inputs if the decode head needs them."""
        if data_samples is None or self.decode_head.reference_focal is None:
            return None
        focals = torch.tensor([focal_of(sample.metainfo) for sample in data_samples])
        return focals.to(device, non_blocking=True)

    def _labels(self, inputs: dict, samples: SampleList) -> AuxiliaryLabels:
        """Return ground truth within ``depth_range`` (B, H, W), 0 elsewhere and in padding."""
        height, width = inputs['imgs'].shape[-2:]
        depth = torch.stack([
            F.pad(item, (0, width - item.shape[1], 0, height - item.shape[0]))
            for item in map(depth_map_of, samples)])
        in_range = (depth >= self.decode_head.min_depth) & (depth <= self.decode_head.max_depth)
        return AuxiliaryLabels(objects=None, depth_maps=torch.where(in_range, depth, 0))


def depth_map_of(sample) -> torch.Tensor:
    """Return the ground-truth depth (h, w) of a data sample, metres.

    Raises:
        InputError: the data sample has no depth map, or its depth map does not have the size
            of its input.

    Example:
        >>> import torch
        >>> from mmdet3d.structures import Det3DDataSample
        >>> from mmengine.structures import PixelData
        >>> sample = Det3DDataSample(metainfo=dict(img_shape=(2, 3)))
        >>> sample.gt_depth_map = PixelData(data=torch.full((1, 2, 3), 9.))
        >>> depth_map_of(sample)
        tensor([[9., 9., 9.],
                [9., 9., 9.]])
    """
    name = sample.get('img_path', 'a sample')
    if 'gt_depth_map' not in sample:
        raise InputError(f'{name}: no gt_depth_map to train on; add LoadDepthMap to the training '
                         'pipeline')
    depth = sample.gt_depth_map.data[0]
    if tuple(depth.shape) != tuple(sample.img_shape[:2]):
        raise InputError(f'{name}: the depth map has {tuple(depth.shape)} rows and columns, but '
                         f'the input {tuple(sample.img_shape[:2])}; apply the same transforms to '
                         'both (CropScaleAffine with stride=1)')
    return depth


def affine_of(meta: dict) -> np.ndarray:
    """Return the affine (3, 3) from original to input pixels; the identity if not recorded."""
    return np.asarray(meta.get('affine', np.eye(3)), dtype=np.float64)


def focal_of(meta: dict) -> float:
    """Return the focal length of the input, input pixels.

    It is the focal length of the original image, ``cam2img[0][0]``, times the scale of
    ``affine``, the square root of its determinant.

    Args:
        meta: meta information of a data sample: ``cam2img`` and, optionally, ``affine``.

    Raises:
        InputError: ``meta`` has no ``cam2img``.

    Example:
        >>> import numpy as np
        >>> camera = [[700., 0., 600., 0.], [0., 700., 180., 0.], [0., 0., 1., 0.]]
        >>> round(focal_of(dict(cam2img=camera, affine=np.diag([0.5, 0.5, 1.]))), 6)
        350.0
    """
    if 'cam2img' not in meta:
        raise InputError(f'{meta.get("img_path", "a sample")}: no cam2img; reference_focal needs '
                         'its focal length. Add cam2img to meta_keys, or set '
                         'model.decode_head.reference_focal=None')
    return float(meta['cam2img'][0][0] * np.sqrt(abs(np.linalg.det(affine_of(meta)[:2, :2]))))


def to_original(depth: torch.Tensor, affine: np.ndarray, size: Sequence[int]) -> torch.Tensor:
    """Warp the depth of an input back to the original image.

    Each original pixel's centre is mapped to the input by ``affine``, and depth is interpolated
    bilinearly between the centres of the input pixels there. The computation is in double
    precision, so that pixels with coinciding centres keep their exact value.

    Args:
        depth: (h, w) depth of the input, metres.
        affine: (3, 3) original to input pixels.
        size: (H, W) of the original image.

    Returns:
        (H, W) depth of the original image, metres, float32; 0 outside the input.

    Example:
        The input shows columns 1 and 2 of an original image with four columns.

        >>> import numpy as np
        >>> import torch
        >>> crop = np.array([[1., 0., -1.], [0., 1., 0.], [0., 0., 1.]])
        >>> to_original(torch.tensor([[5., 6.]]), crop, size=(1, 4))
        tensor([[0., 5., 6., 0.]])
    """
    rows, columns = (torch.arange(length, device=depth.device, dtype=torch.double) + 0.5
                     for length in size)
    y, x = torch.meshgrid(rows, columns, indexing='ij')
    u, v = (row[0] * x + row[1] * y + row[2] for row in affine[:2].tolist())
    height, width = depth.shape
    inside = (u >= 0) & (u <= width) & (v >= 0) & (v <= height)
    grid = torch.stack([2 * u / width - 1, 2 * v / height - 1], dim=-1)
    # Pixels between the outermost centres and the border take the depth of these centres.
    original = F.grid_sample(depth[None, None].double(), grid[None], padding_mode='border',
                             align_corners=False)[0, 0]
    return torch.where(inside, original, 0).float()
