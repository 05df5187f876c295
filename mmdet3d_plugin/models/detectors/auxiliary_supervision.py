"""Wrapper that adds auxiliary supervision to any monocular 3D detector of mmdet3d."""
import re
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmdet3d.structures.det3d_data_sample import SampleList
from mmengine.model import BaseModel

from ...errors import InputError
from ..auxiliaries import AuxiliaryLabels, AuxiliaryObjects, add_losses
from ..model_contract import DETECTION, dense_parts_of, depth_follows_of, loss_methods_of
from ..task_modules.center_target_assigner import stack_depth_maps
from ..task_modules.input_geometry import InputGeometry


@MODELS.register_module()
class AuxiliarySupervision(BaseModel):
    """Wrapper of a monocular 3D detector with auxiliaries on one of its feature maps.

    The auxiliaries add their losses to those of the detector. The detector itself, its config
    and its predictions do not change. Prediction does not run the auxiliaries.

    Args:
        detector: detector or its config, including its ``data_preprocessor``.
        feature: name of the detector's module with the feature map of the auxiliaries as
            output. If the module has several outputs, an index selects one: ``'neck[0]'``.
        auxiliary: configs of modules that are called as ``module(feature, AuxiliaryLabels)``
            and return a dictionary of losses.
        train_cfg: not used; mmdet3d's inferencer sets it. The detector has its own.

    Raises:
        InputError: the detector has no such module, or the module has no such output.
    """

    task = DETECTION

    def __init__(self, detector: Union[dict, BaseModel], feature: str,
                 auxiliary: Sequence[dict], train_cfg: Optional[dict] = None) -> None:
        if isinstance(detector, dict):
            detector = MODELS.build(detector)
        super().__init__(data_preprocessor=detector.data_preprocessor)
        self.detector = detector
        self.feature = feature
        self._path, self._index = self._parse(feature)
        self.auxiliary = nn.ModuleList(MODELS.build(item) for item in auxiliary)

    def dense_parts(self) -> Dict[str, nn.Module]:
        """Return the dense parts of the detector, see ``model_contract``."""
        return dense_parts_of(self.detector)

    @property
    def depth_follows(self) -> str:
        """Dependence of the predicted depth on the camera, see ``model_contract``."""
        return depth_follows_of(self.detector)

    def loss_methods(self) -> List[Tuple[Any, str]]:
        """Return the loss methods of the detector, see ``model_contract``."""
        return loss_methods_of(self.detector)

    def forward(self, inputs: dict, data_samples: SampleList = None, mode: str = 'tensor',
                **kwargs):
        """Run the detector; in mode ``'loss'`` also run the auxiliaries and add their losses."""
        if mode != 'loss':
            return self.detector(inputs, data_samples, mode=mode, **kwargs)
        losses, feature, labels = self._run_detector(inputs, data_samples, **kwargs)
        for auxiliary in self.auxiliary:
            add_losses(losses, auxiliary(feature, labels))
        return losses

    def auxiliary_inputs(self, inputs: dict,
                         data_samples: SampleList) -> Tuple[torch.Tensor, AuxiliaryLabels]:
        """Return the feature map and the labels of a batch for the auxiliaries."""
        return self._run_detector(inputs, data_samples)[1:]

    def _run_detector(self, inputs: dict, data_samples: SampleList, **kwargs
                      ) -> Tuple[Dict[str, torch.Tensor], torch.Tensor, AuxiliaryLabels]:
        """Return the detector's losses, and the feature map and labels of the auxiliaries."""
        features: List[torch.Tensor] = []
        handle = self.detector.get_submodule(self._path).register_forward_hook(
            lambda module, arguments, output: features.append(self._select(output)))
        try:
            losses = self.detector(inputs, data_samples, mode='loss', **kwargs)
        finally:
            handle.remove()
        if not features:
            raise InputError(f'feature {self.feature!r}: the detector does not run this module')
        input_size = inputs['imgs'].shape[-2:]
        labels = AuxiliaryLabels(collect_objects(data_samples, features[0], input_size[1]),
                                 collect_depth_maps(data_samples, input_size))
        return losses, features[0], labels

    def _parse(self, feature: str) -> Tuple[str, int]:
        """Split ``'neck[0]'`` into ``('neck', 0)``; the index is -1 if there is none."""
        match = re.fullmatch(r'([\w.]+)(?:\[(\d+)\])?', feature)
        known = dict(self.detector.named_modules())
        if not match or not match[1] or match[1] not in known:
            names = ', '.join(name for name, _ in self.detector.named_children()
                              if name != 'data_preprocessor')
            raise InputError(f'feature {feature!r}: {type(self.detector).__name__} has no such '
                             f'module; it has {names}, and their parts')
        return match[1], -1 if match[2] is None else int(match[2])

    def _select(self, output) -> torch.Tensor:
        """Return the feature map from the output of the module."""
        maps = [output] if isinstance(output, torch.Tensor) else list(output)
        index = 0 if self._index < 0 and len(maps) == 1 else self._index
        if not 0 <= index < len(maps):
            raise InputError(f'feature {self.feature!r}: {self._path} has {len(maps)} output maps'
                             f'; choose one, {self._path}[0] to {self._path}[{len(maps) - 1}]')
        return maps[index]


def collect_objects(samples: SampleList, feature: torch.Tensor,
                    input_width: int) -> AuxiliaryObjects:
    """Collect the ground-truth objects of a batch, with 2D labels in feature pixels.

    Args:
        samples: B samples in mmdet3d's format, with centres and 2D boxes in input pixels.
        feature: (B, C, H, W) feature map.
        input_width: width of the input, pixels.
    """
    stride = input_width / feature.shape[-1]
    instances = [sample.gt_instances_3d for sample in samples]
    metas = [sample.metainfo for sample in samples]
    counts = torch.tensor([len(item.depths) for item in instances])
    index = torch.repeat_interleave(torch.arange(len(samples)), counts)
    zooms = torch.tensor([zoom_of(meta, stride) for meta in metas])[index]
    index, zooms = (item.to(feature.device, non_blocking=True) for item in (index, zooms))
    geometry = None
    if all('affine' in meta for meta in metas):
        geometry = InputGeometry.from_metas(metas, feature.device).of_objects(index)
    boxes_3d = torch.cat([item.bboxes_3d.tensor for item in instances])
    return AuxiliaryObjects(
        index,
        torch.cat([item.labels_3d for item in instances]),
        torch.cat([item.centers_2d for item in instances]) / stride,
        torch.cat([sample.gt_instances.bboxes for sample in samples]) / stride,
        torch.cat([item.depths for item in instances]),
        zooms, boxes_3d.to(feature.device, non_blocking=True), geometry, stride)


def collect_depth_maps(samples: SampleList,
                       input_size: Sequence[int]) -> Optional[torch.Tensor]:
    """Stack the dense depth of a batch.

    Args:
        samples: B samples.
        input_size: (height, width) of the input, pixels.

    Returns:
        (B, H, W) metres, 0 where unknown; None if no sample has dense depth.

    Raises:
        InputError: only some samples have dense depth, or its aspect ratio differs from that
            of the input.
    """
    height, width = input_size
    for sample in samples:
        rows, columns = sample.gt_depth_map.shape if 'gt_depth_map' in sample else input_size
        if rows * width != columns * height:
            raise InputError(f'dense depth of {rows} x {columns} cells does not cover the view of '
                             f'an input of {height} x {width} pixels; use CropScaleAffine, which '
                             'transforms both')
    dense = stack_depth_maps(samples)
    return None if dense is None else dense[:, 0]


def zoom_of(meta: dict, stride: float) -> float:
    """Return the input pixels per original pixel of an image.

    Args:
        meta: meta information with ``affine`` (this project's transforms), or ``trans_mat``,
            original to feature pixels, or ``scale_factor`` (mmdet3d's transforms). Without
            any of them the zoom is 1.
        stride: input pixels per feature pixel.

    Example:
        >>> zoom_of(dict(scale_factor=(0.5, 0.5)), stride=4)
        0.5
    """
    if 'affine' in meta:
        return float(meta['affine'][0, 0])
    if 'trans_mat' in meta:
        return float(meta['trans_mat'][0, 0]) * stride
    return float(meta['scale_factor'][0]) if 'scale_factor' in meta else 1.
