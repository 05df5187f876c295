"""Centre-based monocular 3D detector."""
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Type

import torch
import torch.nn as nn
from mmdet3d.models.detectors import Base3DDetector
from mmdet3d.registry import MODELS, TASK_UTILS
from mmdet3d.structures import CameraInstance3DBoxes
from mmdet3d.structures.det3d_data_sample import SampleList
from mmengine.structures import InstanceData
from torchvision.ops import batched_nms

from ..auxiliaries import AuxiliaryLabels, AuxiliaryObjects, add_losses
from ..dense_heads.center_head_2d import DenseMaps, Peaks
from ..layers import gather_at_cells
from ..model_contract import DETECTION
from ..object_heads.object_queries import ObjectQueries
from ..task_modules.center_coder import ObjectBoxes, ObjectCode, feature_boxes
from ..task_modules.center_target_assigner import CenterTargets
from ..task_modules.input_geometry import InputGeometry, ReferenceGeometry


class Detections(NamedTuple):
    """Detections at P peaks.

    Attributes:
        boxes: decoded boxes of the peaks.
        confidences: (P,) 3D confidences.
        sample_weights: (P, L) weights of the ROI locations in the depth estimate.
    """
    boxes: ObjectBoxes
    confidences: torch.Tensor
    sample_weights: torch.Tensor


@MODELS.register_module()
class CenterMono3D(Base3DDetector):
    """Detector that finds objects as heatmap peaks and then predicts each object in 3D.

    MonoDLE, MonoCon, GUPNet, DID-M3D and MonoLSS are configs of this class with different
    parts.

    Args:
        backbone, neck: configs; the first output of the neck is the shared feature map.
        dense_head: config of the dense 2D head.
        object_head: config of the 3D head.
        coder: config of the object coder.
        assigner: config of the target assigner.
        test_cfg: ``max_detections``, number of peaks per image; ``heatmap_threshold``, lowest
            heatmap score; ``score_threshold``, lowest score; ``nms_iou``, IoU of two 2D boxes
            of a class above which the box with the lower score is dropped (1 drops none);
            ``keep_nonpositive_sizes``, whether to keep 3D boxes with a height, width or length
            that is not positive (default False).
        detach_boxes: whether to stop the gradients of the 3D losses at the predicted 2D
            boxes.
        reference: whether to use the geometry of the released code of GUPNet, DID-M3D and
            MonoLSS, see :class:`ReferenceGeometry`. Their checkpoints need it.
        auxiliary: configs of modules that add losses in training, called as
            ``module(feature, AuxiliaryLabels)`` with the shared feature map. Prediction does
            not run them.
        train_cfg: not used; mmdet3d's inferencer sets it.
        score_calibration: config of the calibration of scores, for example
            ``dict(type='PlattScaling')``. The score is the product of heatmap score and 3D
            confidence, calibrated if there is a calibration.
    """

    task = DETECTION

    def __init__(self, backbone: dict, neck: dict, dense_head: dict, object_head: dict,
                 coder: dict, assigner: dict, test_cfg: dict, detach_boxes: bool = False,
                 reference: bool = False, auxiliary: Sequence[dict] = (),
                 data_preprocessor: Optional[dict] = None, train_cfg: Optional[dict] = None,
                 init_cfg=None, score_calibration: Optional[dict] = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.backbone = MODELS.build(backbone)
        self.neck = MODELS.build(neck)
        self.dense_head = MODELS.build(dense_head)
        self.object_head = MODELS.build(object_head)
        self.coder = TASK_UTILS.build(coder)
        self.assigner = TASK_UTILS.build(assigner)
        self.score_calibration: Optional[nn.Module] = None
        if score_calibration is not None:
            self.score_calibration = TASK_UTILS.build(
                score_calibration, default_args=dict(num_classes=self.coder.num_classes))
        self.test_cfg = test_cfg
        self.detach_boxes = detach_boxes
        self.reference = reference
        self.auxiliary = nn.ModuleList(MODELS.build(item) for item in auxiliary)
        # Factors of the losses by task name, set by hooks. Missing tasks have factor 1.
        self.task_weights: Dict[str, float] = {}

    @property
    def geometry_type(self) -> Type[InputGeometry]:
        """Class of the geometry of the inputs."""
        return ReferenceGeometry if self.reference else InputGeometry

    def dense_parts(self) -> Dict[str, nn.Module]:
        """Return the modules that run at every pixel, see ``model_contract``."""
        return dict(backbone=self.backbone, neck=self.neck, dense_head=self.dense_head)

    @property
    def depth_follows(self) -> str:
        """Dependence of the predicted depth on the camera, see ``model_contract``."""
        return self.object_head.depth_head.depth_follows

    def loss_methods(self) -> List[Tuple[Any, str]]:
        """Return the methods that compute targets and losses, see ``model_contract``."""
        return [(self.assigner, 'assign'), (self.dense_head, 'loss'), (self.object_head, 'loss')]

    def extract_feat(self, batch_inputs: dict) -> torch.Tensor:
        """Compute the shared feature map.

        Args:
            batch_inputs: ``imgs`` (B, 3, H, W).

        Returns:
            (B, C, H / stride, W / stride).
        """
        return self.neck(self.backbone(batch_inputs['imgs']))[0]

    def loss(self, batch_inputs_dict: dict, batch_data_samples: SampleList,
             **kwargs) -> Dict[str, torch.Tensor]:
        """Compute the losses. Every rank must call it.

        Returns:
            ``loss_TASK`` for each task and the losses of the auxiliaries. A task with a weight
            in ``task_weights`` also has its unweighted loss as ``raw_TASK``, which is only
            logged.
        """
        feature = self.extract_feat(batch_inputs_dict)
        maps = self.dense_head(feature)
        targets = self._assign(batch_data_samples, feature)
        tasks = self.dense_head.loss(maps, targets)
        # Run on ranks without objects too: SyncBN and reduced losses need every rank.
        queries = self._queries(maps, targets.image_index, targets.code.cells, targets.labels,
                                targets.geometry)
        tasks.update(self.object_head.loss(self.object_head(feature, queries), targets))
        losses = {f'loss_{name}': value * self.task_weights.get(name, 1.)
                  for name, value in tasks.items()}
        losses.update({f'raw_{name}': tasks[name].detach() for name in self.task_weights})
        if self.auxiliary:
            labels = self._auxiliary_labels(targets)
            for auxiliary in self.auxiliary:
                add_losses(losses, auxiliary(feature, labels))
        return losses

    def auxiliary_inputs(self, inputs: dict,
                         data_samples: SampleList) -> Tuple[torch.Tensor, AuxiliaryLabels]:
        """Return the feature map and the labels of a batch for the auxiliaries."""
        feature = self.extract_feat(inputs)
        return feature, self._auxiliary_labels(self._assign(data_samples, feature))

    def _assign(self, samples: SampleList, feature: torch.Tensor) -> CenterTargets:
        return self.assigner.assign(samples, feature.shape[-2:], self.coder,
                                    self._geometry(samples, feature.device))

    @torch.no_grad()
    def predict(self, batch_inputs_dict: dict, batch_data_samples: SampleList,
                **kwargs) -> SampleList:
        """Fill ``pred_instances_3d`` and ``pred_instances`` of every sample.

        ``pred_instances_3d`` has ``bboxes_3d``, ``scores_3d``, ``labels_3d``, ``alphas`` and
        ``sample_weights`` (M, L). ``pred_instances`` has 2D ``bboxes`` in original pixels,
        ``scores`` and ``labels``. Both are sorted by descending score.
        """
        feature = self.extract_feat(batch_inputs_dict)
        maps = self.dense_head(feature)
        peaks = self.dense_head.find_peaks(maps.heatmap, self.test_cfg['max_detections'])
        geometry = self._geometry(batch_data_samples,
                                  feature.device).of_objects(peaks.image_index)
        detections = self.detect(feature, maps, peaks, geometry)
        return self._fill_samples(batch_data_samples, peaks, detections)

    def _forward(self, batch_inputs_dict: dict, batch_data_samples=None, **kwargs) -> DenseMaps:
        return self.dense_head(self.extract_feat(batch_inputs_dict))

    def _geometry(self, samples: SampleList, device: torch.device) -> InputGeometry:
        """Return the geometry of B samples."""
        return self.geometry_type.from_metas([sample.metainfo for sample in samples], device)

    def _zooms(self, geometry: InputGeometry, boxes: torch.Tensor) -> torch.Tensor:
        """Return (M,) input pixels per original pixel of M objects.

        Args:
            geometry: geometry of the M objects.
            boxes: (M, 4) 2D boxes, feature pixels.
        """
        if isinstance(geometry, ReferenceGeometry):
            return geometry.box_zooms(boxes * self.coder.stride)
        return geometry.zooms()

    def _auxiliary_labels(self, targets: CenterTargets) -> AuxiliaryLabels:
        """Return the objects that count in the depth loss, and dense depth if there is any."""
        code = targets.code
        objects = AuxiliaryObjects(
            targets.image_index, targets.labels, code.cells + code.offsets_3d, code.boxes,
            code.depths, self._zooms(targets.geometry, code.boxes), targets.boxes_3d,
            targets.geometry, self.coder.stride)
        if not self.object_head.learn_cropped:
            objects = objects[targets.whole]
        dense = targets.depth_maps
        return AuxiliaryLabels(objects, None if dense is None else dense[:, 0])

    def _queries(self, maps: DenseMaps, image_index: torch.Tensor, cells: torch.Tensor,
                 labels: torch.Tensor, geometry: InputGeometry) -> ObjectQueries:
        """Return M objects with the 2D boxes that the dense head predicts at their cells."""
        boxes = feature_boxes(cells, gather_at_cells(maps.offset_2d, image_index, cells),
                              gather_at_cells(maps.size_2d, image_index, cells))
        if self.detach_boxes:
            boxes = boxes.detach()
        return ObjectQueries(image_index, labels, cells, boxes, self.coder.means(labels),
                             self._zooms(geometry, boxes), geometry, self.coder.stride)

    def detect(self, feature: torch.Tensor, maps: DenseMaps, peaks: Peaks,
               geometry: InputGeometry) -> Detections:
        """Run the 3D head at the peaks and decode its predictions.

        Args:
            feature: (B, C, H, W) shared feature map.
            maps: output of the dense head.
            peaks: P peaks.
            geometry: geometry of the P peaks.
        """
        predictions = self.object_head(feature, self._queries(
            maps, peaks.image_index, peaks.cells, peaks.labels, geometry))
        depth_head = self.object_head.depth_head
        depths, confidences = depth_head.reduce(predictions.depth)
        code = ObjectCode(
            cells=peaks.cells,
            offsets_2d=gather_at_cells(maps.offset_2d, peaks.image_index, peaks.cells),
            sizes_2d=gather_at_cells(maps.size_2d, peaks.image_index, peaks.cells),
            offsets_3d=predictions.offsets_3d,
            depths=depths,
            size_residuals=predictions.size_residuals,
            alphas=self.object_head.heading_coder.decode(predictions.heading_logits,
                                                         predictions.heading_residuals))
        return Detections(self.coder.decode(code, peaks.labels, geometry), confidences,
                          depth_head.sample_weights(predictions.depth))

    def scores_of(self, peaks: Peaks, detections: Detections
                  ) -> Tuple[torch.Tensor, torch.Tensor]:
        """Return (P,) scores, and (P,) bool: whether the limits of ``test_cfg`` are met."""
        scores = peaks.scores * detections.confidences
        if self.score_calibration is not None:
            scores = self.score_calibration(scores, peaks.labels)
        valid = ((peaks.scores >= self.test_cfg['heatmap_threshold'])
                 & (scores >= self.test_cfg['score_threshold']))
        if not self.test_cfg.get('keep_nonpositive_sizes', False):
            valid = valid & (detections.boxes.boxes_3d[:, 3:6] > 0).all(dim=1)
        return scores, valid

    def _fill_samples(self, samples: SampleList, peaks: Peaks, detections: Detections) -> List:
        """Filter the detections of each image, sort them by score and add them to the samples."""
        boxes = detections.boxes
        scores, valid = self.scores_of(peaks, detections)
        results_3d, results_2d = [], []
        for index in range(len(samples)):
            kept = (valid & (peaks.image_index == index)).nonzero()[:, 0]
            kept = kept[batched_nms(boxes.boxes_2d[kept], scores[kept], peaks.labels[kept],
                                    self.test_cfg['nms_iou'])]
            results_3d.append(InstanceData(
                bboxes_3d=CameraInstance3DBoxes(boxes.boxes_3d[kept]),
                scores_3d=scores[kept], labels_3d=peaks.labels[kept],
                alphas=boxes.alphas[kept], sample_weights=detections.sample_weights[kept]))
            results_2d.append(InstanceData(
                bboxes=boxes.boxes_2d[kept], scores=scores[kept], labels=peaks.labels[kept]))
        return self.add_pred_to_datasample(samples, results_3d, results_2d)
