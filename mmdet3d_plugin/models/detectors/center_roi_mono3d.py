"""Centre + ROI monocular detector: dense 2D, then 3D for each object."""
from typing import Dict, List, Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmdet3d.models.detectors import Base3DDetector
from mmdet3d.registry import MODELS, TASK_UTILS
from mmdet3d.structures import CameraInstance3DBoxes
from mmdet3d.structures.det3d_data_sample import SampleList
from mmengine.structures import InstanceData
from torchvision.ops import batched_nms

from ..auxiliaries import AuxiliaryObjects
from ..dense_heads.center_head_2d import DenseMaps, Peaks, gather_at_cells
from ..roi_heads.object_head_3d import ObjectPredictions
from ..task_modules.center_roi_coder import ObjectBoxes, ObjectCode
from ..task_modules.center_target_assigner import CenterTargets
from ..task_modules.input_geometry import InputGeometry, ReferenceGeometry


@MODELS.register_module()
class CenterROIMono3D(Base3DDetector):
    """The two-stage layout of GUPNet, DID-M3D and MonoLSS.

    Args:
        backbone, neck: one feature map comes out of the neck.
        dense_head: config of the dense 2D head.
        roi_head: config of the 3D head.
        coder: config of the object coder.
        assigner: config of the target assigner.
        test_cfg: ``max_detections`` peaks an image, ``score_threshold`` that a
            peak's heatmap score must reach, ``nms_iou`` above which the weaker of
            two 2D boxes of a class is dropped (1 drops none).
        detach_boxes: keeps the 3D losses from moving the 2D boxes through ROI
            and ray maps.
        reference: takes the geometry of inputs as MonoLSS's released code does, see
            :class:`ReferenceGeometry`. Its checkpoints expect that.
        auxiliary: configs of modules that see the shared feature map and the labels
            in training, ``module(feature, AuxiliaryObjects) -> losses``. Prediction
            never runs them.
    """

    def __init__(self, backbone: dict, neck: dict, dense_head: dict, roi_head: dict,
                 coder: dict, assigner: dict, test_cfg: dict, detach_boxes: bool = False,
                 reference: bool = False, auxiliary: Sequence[dict] = (),
                 data_preprocessor: Optional[dict] = None,
                 init_cfg=None) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck)
        self.dense_head = MODELS.build(dense_head)
        self.roi_head = MODELS.build(roi_head)
        self.coder = TASK_UTILS.build(coder)
        self.assigner = TASK_UTILS.build(assigner)
        self.test_cfg = test_cfg
        self.detach_boxes = detach_boxes
        self._geometry_type = ReferenceGeometry if reference else InputGeometry
        self.auxiliary = nn.ModuleList(MODELS.build(item) for item in auxiliary)
        # Factors of the losses by task name, set by hooks; tasks not named keep 1.
        self.task_weights: Dict[str, float] = {}

    def extract_feat(self, batch_inputs: dict) -> torch.Tensor:
        """``imgs`` (B, 3, H, W) -> feature map (B, C, H / stride, W / stride)."""
        return self.neck(self.backbone(batch_inputs['imgs']))[0]

    def loss(self, batch_inputs_dict: dict, batch_data_samples: SampleList,
             **kwargs) -> Dict[str, torch.Tensor]:
        """``loss_TASK`` for each task and, where a hook has set a weight, the
        unweighted value as ``raw_TASK``, which is logged only."""
        feature = self.extract_feat(batch_inputs_dict)
        maps = self.dense_head(feature)
        targets = self.assigner.assign(batch_data_samples, feature.shape[-2:], self.coder,
                                       self._geometry(batch_data_samples, feature.device))
        tasks = self.dense_head.loss(maps, targets)
        if len(targets):
            predictions, depths, _ = self._run_roi_head(
                feature, maps, targets.image_index, targets.code.cells, targets.labels,
                targets.geometry)
            tasks.update(self.roi_head.loss(predictions, depths, targets))
        else:
            tasks.update(self.roi_head.zero_loss())
        losses = {f'loss_{name}': value * self.task_weights.get(name, 1.)
                  for name, value in tasks.items()}
        losses.update({f'raw_{name}': tasks[name].detach() for name in self.task_weights})
        if self.auxiliary:
            objects = self._auxiliary_objects(targets)
            for auxiliary in self.auxiliary:
                losses.update(auxiliary(feature, objects))
        return losses

    @torch.no_grad()
    def predict(self, batch_inputs_dict: dict, batch_data_samples: SampleList,
                **kwargs) -> SampleList:
        """Fills ``pred_instances_3d`` and ``pred_instances`` of every sample.

        ``pred_instances_3d``: ``bboxes_3d``, ``scores_3d``, ``labels_3d``,
        ``alphas`` and ``sample_weights`` (M, L); ``pred_instances``: 2D ``bboxes`` in
        original pixels, ``scores`` and ``labels``, in the same order, best first.
        """
        feature = self.extract_feat(batch_inputs_dict)
        maps = self.dense_head(feature)
        peaks = self.dense_head.find_peaks(maps.heatmap, self.test_cfg['max_detections'])
        geometry = self._geometry(batch_data_samples,
                                  feature.device).of_objects(peaks.image_index)
        boxes, confidences, weights = self._decode(feature, maps, peaks, geometry)
        return self._fill_samples(batch_data_samples, peaks, boxes, peaks.scores * confidences,
                                  weights)

    def _forward(self, batch_inputs_dict: dict, batch_data_samples=None, **kwargs) -> DenseMaps:
        return self.dense_head(self.extract_feat(batch_inputs_dict))

    def _geometry(self, samples: SampleList, device: torch.device) -> InputGeometry:
        """Of the samples' images."""
        return self._geometry_type.from_metas([sample.metainfo for sample in samples], device)

    def _auxiliary_objects(self, targets: CenterTargets) -> AuxiliaryObjects:
        code = targets.code
        boxes = self.coder.feature_boxes(code.cells, code.offsets_2d, code.sizes_2d)
        return AuxiliaryObjects(
            targets.image_index, code.cells + code.offsets_3d, boxes, code.depths,
            targets.geometry.zooms(boxes * self.coder.stride))

    def _run_roi_head(
        self, feature: torch.Tensor, maps: DenseMaps, image_index: torch.Tensor,
        cells: torch.Tensor, labels: torch.Tensor, geometry: InputGeometry
    ) -> Tuple[ObjectPredictions, torch.Tensor, Tuple[torch.Tensor, torch.Tensor]]:
        """3D head on the 2D boxes that the dense head predicts at the M cells.

        Returns:
            Predictions, (M, L) depths in metres, and the 2D offsets and sizes.
        """
        offsets = gather_at_cells(maps.offset_2d, image_index, cells)
        sizes = gather_at_cells(maps.size_2d, image_index, cells)
        boxes = self.coder.feature_boxes(cells, offsets, sizes)
        if self.detach_boxes:
            boxes = boxes.detach()
        predictions = self.roi_head(feature, boxes, image_index, labels, geometry)
        depths = self.coder.decode_depths(predictions.raw_depths, boxes, geometry)
        return predictions, depths, (offsets, sizes)

    def _decode(self, feature: torch.Tensor, maps: DenseMaps, peaks: Peaks,
                geometry: InputGeometry) -> Tuple[ObjectBoxes, torch.Tensor, torch.Tensor]:
        """Boxes and confidences of the peaks, and the weights of their ROI locations."""
        predictions, depths, (offsets, sizes) = self._run_roi_head(
            feature, maps, peaks.image_index, peaks.cells, peaks.labels, geometry)
        depth, confidences = self.roi_head.reduce_depths(predictions, depths)
        code = ObjectCode(
            cells=peaks.cells,
            offsets_2d=offsets,
            sizes_2d=sizes,
            offsets_3d=predictions.offsets_3d,
            depths=depth,
            size_residuals=predictions.size_residuals,
            alphas=self.roi_head.heading_coder.decode(predictions.heading_logits,
                                                      predictions.heading_residuals))
        return (self.coder.decode(code, peaks.labels, geometry), confidences,
                self.roi_head.sample_weights(predictions.logits))

    def _fill_samples(self, samples: SampleList, peaks: Peaks, boxes: ObjectBoxes,
                      scores: torch.Tensor, sample_weights: torch.Tensor) -> List:
        """Splits the detections by image, drops the unfit ones, sorts by score."""
        fit = ((peaks.scores >= self.test_cfg['score_threshold'])
               & (boxes.boxes_3d[:, 3:6] > 0).all(dim=1))
        results_3d, results_2d = [], []
        for index in range(len(samples)):
            kept = (fit & (peaks.image_index == index)).nonzero()[:, 0]
            kept = kept[batched_nms(boxes.boxes_2d[kept], scores[kept], peaks.labels[kept],
                                    self.test_cfg['nms_iou'])]
            results_3d.append(InstanceData(
                bboxes_3d=CameraInstance3DBoxes(boxes.boxes_3d[kept]),
                scores_3d=scores[kept], labels_3d=peaks.labels[kept],
                alphas=boxes.alphas[kept], sample_weights=sample_weights[kept]))
            results_2d.append(InstanceData(
                bboxes=boxes.boxes_2d[kept], scores=scores[kept], labels=peaks.labels[kept]))
        return self.add_pred_to_datasample(samples, results_3d, results_2d)
