"""Depth error of detected objects as an mmengine metric."""
import math
from typing import Dict, List, Optional, Sequence

from mmdet3d.registry import METRICS

from ..benchmarks.depth.object_errors import object_depth_errors
from ..errors import InputError
from .prediction_conversion import predictions_to_table
from .table_metric import TableMetric


# 'DepthErrorMetric' is the name in older configs.
@METRICS.register_module(name=['ObjectDepthMetric', 'DepthErrorMetric'])
class ObjectDepthMetric(TableMetric):
    """Mean absolute depth error of objects found in the image, by distance.

    The protocol of the cross-dataset tables of monocular papers (M3D-RPN, DEVIANT), with the
    ranges 0-20 m, 20-40 m, from 40 m on, and all. Predictions are matched to ground truth of
    their class by 2D IoU, in descending order of score. Ground truth is the dataset's
    ``eval_ann_info['object_table']``.

    Returns errors in metres and recalls in percent, such as
    ``object_depth/Car_MAE_[0, 20)`` and ``object_depth/Car_recall_all``.

    Args:
        classes: evaluated classes, those of the dataset by default.
        bounds: bounds of the ranges, metres.
        min_overlap: smallest 2D IoU of a match. The value is ours, because the papers do not
            state theirs.
        min_score: predictions with a lower score are not matched.
        collect_device: device on which the results of all ranks are gathered.
        prefix: prefix of the keys in place of ``object_depth``.

    Raises:
        InputError: a frame has no ground truth.

    Example:
        >>> from contextlib import redirect_stdout
        >>> from io import StringIO
        >>> import numpy as np
        >>> import torch
        >>> from mmdet3d.structures import CameraInstance3DBoxes
        >>> from mmdet3d_plugin.structures.object_table import ObjectTable
        >>> metric = ObjectDepthMetric()
        >>> metric.dataset_meta = dict(classes=['Car'])
        >>> truth = ObjectTable.from_table(['Car'], np.array(
        ...     [[0, 0, 0, 0, 0, 10, 10, 1.5, 1.6, 4, 0, 1.6, 10, 0]]))
        >>> boxes_3d = CameraInstance3DBoxes([[0., 1.6, 12., 4., 1.5, 1.6, 0.]])
        >>> sample = dict(
        ...     cam2img=np.eye(4), ori_shape=(20, 20), img_path='a.png',
        ...     eval_ann_info=dict(object_table=truth),
        ...     pred_instances=dict(bboxes=torch.tensor([[0., 0., 10., 10.]])),
        ...     pred_instances_3d=dict(bboxes_3d=boxes_3d, scores_3d=torch.ones(1),
        ...                            labels_3d=torch.zeros(1)))
        >>> metric.process({}, [sample])
        >>> with redirect_stdout(StringIO()):  # hide the logged table
        ...     figures = metric.evaluate(1)
        >>> figures['object_depth/Car_MAE_all']
        2.0
    """

    default_prefix = 'object_depth'

    def __init__(self, classes: Optional[Sequence[str]] = None,
                 bounds: Sequence[float] = (0., 20., 40., math.inf), min_overlap: float = 0.5,
                 min_score: float = 0., collect_device: str = 'cpu',
                 prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.classes = classes
        self.bounds = bounds
        self.min_overlap = min_overlap
        self.min_score = min_score

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep each image's predictions and ground truth as object tables."""
        for sample in data_samples:
            truth = (sample.get('eval_ann_info') or {}).get('object_table')
            if truth is None:
                raise InputError(f"{sample['img_path']}: has no labels to measure depth errors "
                                 'against; use a labelled split')
            found = predictions_to_table(sample, self.dataset_meta['classes'])
            assert found.scores is not None  # of predictions
            self.results.append((truth, found[found.scores >= self.min_score]))

    def compute_metrics(self, results: List[tuple]) -> Dict[str, float]:
        """Return errors in metres and recalls in percent per class and range.

        A range without a match has a recall only. A range without ground truth has no figure.
        """
        truths, found = zip(*results)
        figures: Dict[str, float] = {}
        lines = [f'depth error of matched objects (2D IoU >= {self.min_overlap}), metres',
                 f'{"class":12}{"range":>12}{"labels":>8}{"found":>8}{"MAE":>8}']
        for name in self.classes or self.dataset_meta['classes']:
            for title, bounds in [
                    *((f'[{low:g}, {high:g})', (low, high))
                      for low, high in zip(self.bounds, self.bounds[1:])),
                    ('all', (self.bounds[0], self.bounds[-1]))]:
                item = object_depth_errors(truths, found, name, bounds, self.min_overlap)
                error, labels = float(item.mean_errors[0]), int(item.labels[0])
                matched = int(item.matched[0])
                lines.append(f'{name:12}{title:>12}{labels:>8}{matched:>8}{error:>8.3f}')
                if labels:
                    figures[f'{name}_recall_{title}'] = 100 * matched / labels
                if matched:
                    figures[f'{name}_MAE_{title}'] = error
        self.log_table('\n'.join(lines))
        return figures
