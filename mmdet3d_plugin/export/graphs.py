"""Traceable graphs of models for export: functions of tensors with fixed shapes.

Notation: B images of H x W input pixels, K detections per image.
"""
from typing import Dict, Optional, Tuple

import torch
import torch.nn as nn

from ..errors import InputError
from ..models.depth_estimators import DepthEstimator
from ..models.detectors import AuxiliarySupervision, CenterMono3D
from .normalisation import Normalisation
from .suppression import kept_boxes


class DetectorGraph(nn.Module):
    """Centre-based detector from image to boxes.

    Detections that a limit of ``test_cfg`` or the non-maximum suppression drops stand last, with
    score 0, label -1 and boxes of zeros.

    Args:
        model: the detector, in evaluation mode. ``test_cfg.max_detections`` is K.
        input_size: (width, height) of the input, pixels.

    Raises:
        InputError: K exceeds the number of cells and classes.
    """

    inputs = ('image', 'intrinsics', 'affine')
    outputs = ('boxes', 'scores', 'labels', 'boxes_2d')

    def __init__(self, model: CenterMono3D, input_size: Tuple[int, int]) -> None:
        super().__init__()
        self.model = model
        self.input_size = input_size
        self.normalise = Normalisation(model.data_preprocessor)
        self.count = model.test_cfg['max_detections']
        most = self._most_peaks()
        if not 1 <= self.count <= most:
            raise InputError(f'--top-k {self.count}: expected 1 to {most}, the number of cells '
                             f'times classes of an input of {input_size[0]}x{input_size[1]}')

    def _most_peaks(self) -> int:
        divisor, stride = self.normalise.divisor, self.model.coder.stride
        columns, rows = ((length + -length % divisor) // stride for length in self.input_size)
        return columns * rows * self.model.coder.num_classes

    def forward(self, image: torch.Tensor, intrinsics: torch.Tensor,
                affine: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        """Detect objects.

        Args:
            image: (B, 3, H, W) values 0 to 255, as the test pipeline packs them.
            intrinsics: (B, 3, 4) camera frame to original pixels.
            affine: (B, 3, 3) original to input pixels.

        Returns:
            (B, K, 7) boxes in the layout of CameraInstance3DBoxes, (B, K) scores in descending
            order, (B, K) labels, and (B, K, 4) 2D boxes in original pixels.
        """
        model = self.model
        feature = model.extract_feat(dict(imgs=self.normalise(image)))
        maps = model.dense_head(feature)
        peaks = model.dense_head.find_peaks(maps.heatmap, self.count)
        geometry = model.geometry_type.from_matrices(intrinsics, affine, self.input_size)
        detections = model.detect(feature, maps, peaks, geometry.of_objects(peaks.image_index))
        scores, valid = model.scores_of(peaks, detections)
        boxes = detections.boxes
        columns = (boxes.boxes_3d, torch.where(valid, scores, torch.zeros_like(scores)),
                   peaks.labels, boxes.boxes_2d)
        # unflatten would make the number of images a constant.
        boxes_3d, scores, labels, boxes_2d = self._by_score(
            *(column.reshape(-1, self.count, *column.shape[1:]) for column in columns))
        max_iou = model.test_cfg['nms_iou']
        if max_iou < 1:
            scores = scores * kept_boxes(boxes_2d, labels, max_iou)
            boxes_3d, scores, labels, boxes_2d = self._by_score(boxes_3d, scores, labels, boxes_2d)
        dropped = scores == 0
        return (boxes_3d.masked_fill(dropped[:, :, None], 0), scores,
                labels.masked_fill(dropped, -1), boxes_2d.masked_fill(dropped[:, :, None], 0))

    def _by_score(self, boxes: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor,
                  boxes_2d: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        """Sort the detections of each image by descending score."""
        scores, order = scores.topk(self.count, dim=1)

        def sorted_rows(rows: torch.Tensor) -> torch.Tensor:
            return rows.gather(1, order[:, :, None].expand(-1, -1, int(rows.shape[-1])))

        return sorted_rows(boxes), scores, labels.gather(1, order), sorted_rows(boxes_2d)


class DepthGraph(nn.Module):
    """Depth estimator from image to depth map at the size of the input.

    Args:
        model: the estimator, in evaluation mode.
        input_size: (width, height) of the input, pixels.
    """

    outputs = ('depth', )

    def __init__(self, model: DepthEstimator, input_size: Tuple[int, int]) -> None:
        super().__init__()
        self.model = model
        self.input_size = input_size
        self.normalise = Normalisation(model.data_preprocessor)
        # The exporter drops inputs that nothing reads.
        self.inputs = (('image', ) if model.decode_head.reference_focal is None
                       else ('image', 'intrinsics', 'affine'))

    def forward(self, image: torch.Tensor, intrinsics: Optional[torch.Tensor] = None,
                affine: Optional[torch.Tensor] = None) -> torch.Tensor:
        """Estimate depth.

        Args:
            image: (B, 3, H, W) values 0 to 255, as the test pipeline packs them.
            intrinsics: (B, 3, 4) camera frame to original pixels; only needed with
                ``reference_focal``, as is ``affine``.
            affine: (B, 3, 3) original to input pixels.

        Returns:
            (B, H, W) depth within ``depth_range``, metres.
        """
        focals = None
        if intrinsics is not None:
            assert affine is not None
            determinants = (affine[:, 0, 0] * affine[:, 1, 1]
                            - affine[:, 0, 1] * affine[:, 1, 0])
            focals = intrinsics[:, 0, 0] * determinants.abs().sqrt()
        width, height = self.input_size
        return self.model.estimate(self.normalise(image), focals)[:, :height, :width]


def graph_of(model: nn.Module, input_size: Tuple[int, int]) -> nn.Module:
    """Return the graph of a model: an object with ``inputs`` and ``outputs``, their names.

    Args:
        model: a model in evaluation mode.
        input_size: (width, height) of the input, pixels.

    Raises:
        InputError: models of this class cannot be exported.
    """
    if isinstance(model, AuxiliarySupervision):
        model = model.detector
    if isinstance(model, CenterMono3D):
        return DetectorGraph(model, input_size).eval()
    if isinstance(model, DepthEstimator):
        return DepthGraph(model, input_size).eval()
    raise InputError(f'{type(model).__name__} cannot be exported to ONNX; only CenterMono3D '
                     '(MonoDLE, MonoCon, GUPNet, DID-M3D, MonoLSS) and DepthEstimator (LT, BTS, '
                     'NeWCRFs) can')


def example_inputs(graph: nn.Module, batch: int,
                   image_type: torch.dtype) -> Dict[str, torch.Tensor]:
    """Return inputs of a graph by name: noise, KITTI's camera, and the whole image as crop.

    Args:
        graph: graph of :func:`graph_of`.
        batch: B.
        image_type: type of the image.
    """
    width, height = graph.input_size
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (batch, 3, height, width), generator=generator)
    camera = torch.tensor([[721.5377, 0., 609.5593, 44.85728], [0., 721.5377, 172.854, .2163791],
                           [0., 0., 1., .002745884]])
    affine = torch.tensor([[width / 1242, 0., 0.],
                           [0., width / 1242, (height - 375 * width / 1242) / 2], [0., 0., 1.]])
    values = dict(image=image.to(image_type), intrinsics=camera.expand(batch, -1, -1),
                  affine=affine.expand(batch, -1, -1))
    return {name: values[name].contiguous() for name in graph.inputs}
