"""Auxiliary supervision for detectors that know nothing of it."""
import re
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import torch
import torch.nn as nn
from mmdet3d.registry import MODELS
from mmdet3d.structures.det3d_data_sample import SampleList
from mmengine.model import BaseModel

from ...errors import InputError
from ..auxiliaries import AuxiliaryLabels, AuxiliaryObjects, add_losses
from ..model_contract import DETECTION, dense_parts_of, loss_methods_of
from ..task_modules.center_target_assigner import stack_depth_maps
from ..task_modules.input_geometry import InputGeometry


@MODELS.register_module()
class AuxiliarySupervision(BaseModel):
    """Any monocular detector of mmdet3d, with auxiliaries on one of its feature maps.

    The detector trains, predicts and is configured as without; auxiliaries add their
    losses to its own and are not run in prediction.

    Args:
        detector: the detector or its config, its ``data_preprocessor`` included.
        feature: the module whose output the auxiliaries see, with an index where it
            gives several, such as ``'neck[0]'``.
        auxiliary: configs of modules ``module(feature, AuxiliaryLabels) -> losses``.

    Raises:
        InputError: the detector has no such module, or it gives no such feature map.
    """

    task = DETECTION

    def __init__(self, detector: Union[dict, BaseModel], feature: str,
                 auxiliary: Sequence[dict]) -> None:
        if isinstance(detector, dict):
            detector = MODELS.build(detector)
        super().__init__(data_preprocessor=detector.data_preprocessor)
        self.detector = detector
        self.feature = feature
        self._path, self._index = self._parse(feature)
        self.auxiliary = nn.ModuleList(MODELS.build(item) for item in auxiliary)

    def dense_parts(self) -> Dict[str, nn.Module]:
        """Dense parts of the detector."""
        return dense_parts_of(self.detector)

    def loss_methods(self) -> List[Tuple[Any, str]]:
        """Loss methods of the detector."""
        return loss_methods_of(self.detector)

    def forward(self, inputs: dict, data_samples: SampleList = None, mode: str = 'tensor',
                **kwargs):
        """As the detector's; in mode ``'loss'`` with the auxiliaries' losses."""
        if mode != 'loss':
            return self.detector(inputs, data_samples, mode=mode, **kwargs)
        losses, feature, labels = self._observe(inputs, data_samples, **kwargs)
        for auxiliary in self.auxiliary:
            add_losses(losses, auxiliary(feature, labels))
        return losses

    def auxiliary_inputs(self, inputs: dict,
                         data_samples: SampleList) -> Tuple[torch.Tensor, AuxiliaryLabels]:
        """What the auxiliaries see of a labelled batch."""
        return self._observe(inputs, data_samples)[1:]

    def _observe(self, inputs: dict, data_samples: SampleList, **kwargs
                 ) -> Tuple[Dict[str, torch.Tensor], torch.Tensor, AuxiliaryLabels]:
        """The detector's losses, and what it lets the auxiliaries see meanwhile."""
        seen: List[torch.Tensor] = []
        handle = self.detector.get_submodule(self._path).register_forward_hook(
            lambda module, arguments, output: seen.append(self._select(output)))
        try:
            losses = self.detector(inputs, data_samples, mode='loss', **kwargs)
        finally:
            handle.remove()
        if not seen:
            raise InputError(f'feature {self.feature!r}: the detector does not run this module')
        input_size = inputs['imgs'].shape[-2:]
        labels = AuxiliaryLabels(collect_objects(data_samples, seen[0], input_size[1]),
                                 collect_depth_maps(data_samples, input_size))
        return losses, seen[0], labels

    def _parse(self, feature: str) -> Tuple[str, int]:
        """'neck[0]' -> ('neck', 0); without an index, the output is the map itself."""
        match = re.fullmatch(r'([\w.]+)(?:\[(\d+)\])?', feature)
        known = dict(self.detector.named_modules())
        if not match or not match[1] or match[1] not in known:
            names = ', '.join(name for name, _ in self.detector.named_children()
                              if name != 'data_preprocessor')
            raise InputError(f'feature {feature!r}: {type(self.detector).__name__} has no such '
                             f'module; it has {names}, and their parts')
        return match[1], -1 if match[2] is None else int(match[2])

    def _select(self, output) -> torch.Tensor:
        maps = [output] if isinstance(output, torch.Tensor) else list(output)
        index = 0 if self._index < 0 and len(maps) == 1 else self._index
        if not 0 <= index < len(maps):
            raise InputError(f'feature {self.feature!r}: {self._path} gives {len(maps)} maps; '
                             f'choose one, {self._path}[0] to {self._path}[{len(maps) - 1}]')
        return maps[index]


def collect_objects(samples: SampleList, feature: torch.Tensor,
                    input_width: int) -> AuxiliaryObjects:
    """The labels of a batch, in pixels of a feature map.

    Args:
        samples: B samples in mmdet3d's format, centres and boxes in input pixels.
        feature: (B, C, H, W).
        input_width: pixels.
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
    """(B, H, W) dense depths, metres, 0 where unknown; None where the samples have none.

    Args:
        samples: B samples.
        input_size: (height, width), pixels.

    Raises:
        InputError: some samples have no dense depth, or it does not show what the input does.
    """
    height, width = input_size
    for sample in samples:
        rows, columns = sample.gt_depth_map.shape if 'gt_depth_map' in sample else input_size
        if rows * width != columns * height:
            raise InputError(f'dense depth of {rows} x {columns} cells does not show the view of '
                             f'an input of {height} x {width} pixels; use CropScaleAffine, which '
                             'transforms both')
    dense = stack_depth_maps(samples)
    return None if dense is None else dense[:, 0]


def zoom_of(meta: dict, stride: float) -> float:
    """Input pixels an original pixel, from the affine of this project's transforms, or
    from the ``trans_mat`` (to feature pixels) or the ``scale_factor`` of mmdet3d's."""
    if 'affine' in meta:
        return float(meta['affine'][0, 0])
    if 'trans_mat' in meta:
        return float(meta['trans_mat'][0, 0]) * stride
    return float(meta['scale_factor'][0]) if 'scale_factor' in meta else 1.
