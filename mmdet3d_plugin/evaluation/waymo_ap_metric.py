"""Waymo's AP and APH as an mmengine metric."""
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Optional, Sequence

import numpy as np
from mmdet3d.registry import METRICS
from mmengine.logging import print_log

from ..benchmarks.waymo.average_precision import evaluate_waymo
from ..benchmarks.waymo.files import write_objects
from ..benchmarks.waymo.frames import vehicle_boxes
from ..benchmarks.waymo.objects import TYPES, WaymoObjects, concatenate
from ..errors import InputError
from ..structures.class_names import find_class
from .table_metric import TableMetric


@METRICS.register_module()
class WaymoAPMetric(TableMetric):
    """AP and APH per class, level, overlap and range, see ``docs/datasets.md``.

    Ground truth is that of :class:`~mmdet3d_plugin.datasets.WaymoMonoDataset`. The table of each
    mode is logged. The keys of the figures start with the mode.

    Args:
        modes: ``'official'``, ``'deviant'`` or both.
        classes: evaluated classes, those of the dataset by default.
        result_dir: folder to write ``labels.npz`` and ``detections.npz`` to, for
            ``tools/evaluate.py waymo``.
        collect_device: device on which the results of all ranks are gathered.
        prefix: prefix of the keys in place of ``waymo``.

    Raises:
        InputError: a frame has no Waymo labels.
    """

    default_prefix = 'waymo'

    def __init__(self, modes: Sequence[str] = ('official', 'deviant'),
                 classes: Optional[Sequence[str]] = None, result_dir: Optional[str] = None,
                 collect_device: str = 'cpu', prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.modes = modes
        self.classes = classes
        self.result_dir = result_dir

    @staticmethod
    def check_settings(settings: dict, classes: Sequence[str]) -> None:
        """Check, before a run, that detections of these classes can be evaluated.

        Args:
            settings: config of the metric.
            classes: classes of the dataset.

        Raises:
            InputError: a class is none of Waymo's, or an evaluated class is not detected.
        """
        for name in classes:
            if find_class(name, TYPES) is None:
                raise InputError(f'WaymoAPMetric: cannot evaluate the class {name}; choose from '
                                 f'{", ".join(TYPES)}')
        for name in settings.get('classes') or ():
            if find_class(name, classes) is None:
                raise InputError(f'WaymoAPMetric: classes names {name}, which is not detected; '
                                 f'the classes are {", ".join(classes)}')

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep each frame's ground truth and predictions."""
        for sample in data_samples:
            truth = sample.get('eval_ann_info') or {}
            if 'waymo_labels' not in truth:
                raise InputError(f"{sample['img_path']}: has no Waymo labels to evaluate against; "
                                 'use WaymoMonoDataset')
            self.results.append((truth['waymo_labels'], detections_of(
                sample, self.dataset_meta['classes'], truth['optical_from_vehicle'],
                *truth['waymo_frame'])))

    def compute_metrics(self, results: List[tuple]) -> Dict[str, float]:
        """Write files if there is a ``result_dir``, and evaluate in every mode."""
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
        classes = [find_class(name, TYPES) or name
                   for name in self.classes or self.dataset_meta['classes']]
        figures: Dict[str, float] = {}
        for mode in self.modes:
            evaluation = evaluate_waymo(labels, detections, mode, tuple(classes))
            self.log_table(evaluation.table())
            figures.update(evaluation.to_dict())
        return figures


def concatenate_frames(frames: Sequence[WaymoObjects]) -> WaymoObjects:
    """Concatenate the objects of frames, with the frame's index in place of segment and time.

    The index saves the memory of 40,000 frames' segment names.

    Args:
        frames: one entry per frame.

    Returns:
        The objects of all frames.
    """
    return concatenate([
        replace(frame, segments=np.full(len(frame), index, dtype=np.int32),
                timestamps=np.zeros(len(frame), dtype=np.int64))
        for index, frame in enumerate(frames)])


def detections_of(sample: dict, class_names: Sequence[str], optical_from_vehicle: np.ndarray,
                  segment: str, timestamp: int) -> WaymoObjects:
    """Return the predictions for one image in the camera frame and the vehicle frame.

    Args:
        sample: a Det3DDataSample as a dict, with N ``pred_instances_3d``.
        class_names: class name of each label.
        optical_from_vehicle: (4, 4), from the vehicle frame to the camera frame.
        segment: name of the segment.
        timestamp: time of the frame, microseconds.

    Returns:
        N objects with scores.

    Example:
        >>> import torch
        >>> from mmdet3d.structures import CameraInstance3DBoxes
        >>> boxes_3d = CameraInstance3DBoxes([[0., 1.6, 10., 4., 1.5, 1.6, 0.]])
        >>> sample = dict(pred_instances_3d=dict(
        ...     bboxes_3d=boxes_3d, labels_3d=torch.zeros(1), scores_3d=torch.ones(1)))
        >>> # Camera axes (right, down, forward) of vehicle axes (forward, left, up).
        >>> optical_from_vehicle = np.array([[0., -1., 0., 0.], [0., 0., -1., 0.],
        ...                                  [1., 0., 0., 0.], [0., 0., 0., 1.]])
        >>> found = detections_of(sample, ['Vehicle'], optical_from_vehicle, 'a', 0)
        >>> found.boxes[:, 0].tolist()
        [10.0]
    """
    instances = sample['pred_instances_3d']
    boxes = instances['bboxes_3d'].tensor.detach().cpu().double().numpy()[:, :7]
    labels = instances['labels_3d'].cpu().numpy().astype(int)
    return WaymoObjects(
        segments=np.full(len(boxes), segment),
        timestamps=np.full(len(boxes), timestamp, dtype=np.int64),
        types=np.array([TYPES[find_class(class_names[label], TYPES) or class_names[label]]
                        for label in labels],
                       dtype=np.int64),
        boxes=vehicle_boxes(boxes, optical_from_vehicle), camera_boxes=boxes,
        scores=instances['scores_3d'].detach().cpu().numpy().astype(np.float32))
