"""Waymo's AP and APH as an mmengine metric."""
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Optional, Sequence

import numpy as np
from mmdet3d.registry import METRICS
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from ..benchmarks.waymo.average_precision import evaluate_waymo
from ..benchmarks.waymo.files import write_objects
from ..benchmarks.waymo.frames import vehicle_boxes
from ..benchmarks.waymo.objects import TYPES, WaymoObjects, concatenate
from ..errors import InputError


@METRICS.register_module()
class WaymoAPMetric(BaseMetric):
    """AP and APH by class, level, overlap and range; see ``docs/datasets.md``.

    The dataset's ``eval_ann_info`` brings the labels. Each mode's table is logged under
    its name; figures are returned by name, the mode first.

    Args:
        modes: ``'official'``, ``'deviant'`` or both.
        classes: evaluated classes; those of the dataset by default.
        result_dir: writes ``labels.npz`` and ``detections.npz`` to this folder, for
            ``tools/evaluate.py waymo``.
    """

    default_prefix = 'waymo'

    def __init__(self, modes: Sequence[str] = ('official', 'deviant'),
                 classes: Optional[Sequence[str]] = None, result_dir: Optional[str] = None,
                 collect_device: str = 'cpu', prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.modes = modes
        self.classes = classes
        self.result_dir = result_dir

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keeps each frame's labels, and its detections among them."""
        for sample in data_samples:
            truth = sample.get('eval_ann_info') or {}
            if 'waymo_labels' not in truth:
                raise InputError(f"{sample['img_path']}: has no Waymo labels to evaluate against; "
                                 'use WaymoMonoDataset')
            self.results.append((truth['waymo_labels'], detections_of(
                sample, self.dataset_meta['classes'], truth['optical_from_vehicle'],
                *truth['waymo_frame'])))

    def compute_metrics(self, results: List[tuple]) -> Dict[str, float]:
        """Writes files if asked to, and evaluates in every mode."""
        labels, detections = (concatenate_frames(items) for items in zip(*results))
        if self.result_dir is not None:
            for name, objects in (('labels', labels), ('detections', detections)):
                frames = [sample[name == 'detections'] for sample in results]
                write_objects(Path(self.result_dir) / f'{name}.npz', replace(
                    objects, segments=np.concatenate([item.segments for item in frames]),
                    timestamps=np.concatenate([item.timestamps for item in frames])))
            print_log(f'labels and detections of {len(results)} frames in {self.result_dir}',
                      'current')
        results.clear()
        classes = self.classes or [name for name in self.dataset_meta['classes'] if name in TYPES]
        figures: Dict[str, float] = {}
        for mode in self.modes:
            evaluation = evaluate_waymo(labels, detections, mode, tuple(classes))
            print_log('\n' + evaluation.table(), 'current')
            figures.update(evaluation.to_dict())
        return figures


def concatenate_frames(frames: Sequence[WaymoObjects]) -> WaymoObjects:
    """The objects of all frames, whose order names them: 40,000 frames' objects need not
    carry the names of their segments."""
    return concatenate([
        replace(frame, segments=np.full(len(frame), index, dtype=np.int32),
                timestamps=np.zeros(len(frame), dtype=np.int64))
        for index, frame in enumerate(frames)])


def detections_of(sample: dict, class_names: Sequence[str], optical_from_vehicle: np.ndarray,
                  segment: str, timestamp: int) -> WaymoObjects:
    """Detections of one image, in the camera's and in the vehicle's frame."""
    instances = sample['pred_instances_3d']
    boxes = instances['bboxes_3d'].tensor.detach().cpu().double().numpy()[:, :7]
    labels = instances['labels_3d'].cpu().numpy().astype(int)
    return WaymoObjects(
        segments=np.full(len(boxes), segment),
        timestamps=np.full(len(boxes), timestamp, dtype=np.int64),
        types=np.array([TYPES[class_names[label]] for label in labels], dtype=np.int64),
        boxes=vehicle_boxes(boxes, optical_from_vehicle), camera_boxes=boxes,
        scores=instances['scores_3d'].detach().cpu().numpy().astype(np.float32))
