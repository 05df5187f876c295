"""How far detectors err in depth, also on data of another kind than they learned from."""
import math
from typing import Dict, List, Optional, Sequence

from mmdet3d.registry import METRICS
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from ..benchmarks.depth.object_errors import depth_errors
from ..errors import InputError
from .prediction_conversion import predictions_to_table


@METRICS.register_module()
class DepthErrorMetric(BaseMetric):
    """Mean absolute depth error of objects that are found in the image, by distance.

    The protocol of the monocular papers' cross-dataset tables (M3D-RPN's, DEVIANT's):
    0-20, 20-40 and from 40 m on, and all. Predictions claim labels of their class in
    order of score by their 2D boxes; the dataset brings labels as ``object_table``.

    Args:
        classes: evaluated classes; those of the dataset by default.
        bounds: of the ranges, metres.
        min_overlap: 2D IoU at which a prediction may claim a label (ours: the papers
            do not tell).
        min_score: predictions below it claim nothing.
    """

    default_prefix = 'depth'

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
        """Keeps each image's detections and labels as KITTI objects."""
        for sample in data_samples:
            truth = (sample.get('eval_ann_info') or {}).get('object_table')
            if truth is None:
                raise InputError(f"{sample['img_path']}: has no labels to measure depth errors "
                                 'against; use a labelled split')
            found = predictions_to_table(sample, self.dataset_meta['classes'])
            self.results.append((truth, found[found.scores >= self.min_score]))

    def compute_metrics(self, results: List[tuple]) -> Dict[str, float]:
        """Errors in metres and recalls in percent by class and range; of ranges without a
        match, the recall alone."""
        truths, found = zip(*results)
        figures: Dict[str, float] = {}
        lines = [f'depth error of matched objects (2D IoU >= {self.min_overlap}), metres',
                 f'{"class":12}{"range":>12}{"labels":>8}{"found":>8}{"MAE":>8}']
        for name in self.classes or self.dataset_meta['classes']:
            for title, bounds in [
                    *((f'[{low:g}, {high:g})', (low, high))
                      for low, high in zip(self.bounds, self.bounds[1:])),
                    ('all', (self.bounds[0], self.bounds[-1]))]:
                item = depth_errors(truths, found, name, bounds, self.min_overlap)
                error, labels = float(item.mean_errors[0]), int(item.labels[0])
                matched = int(item.matched[0])
                lines.append(f'{name:12}{title:>12}{labels:>8}{matched:>8}{error:>8.3f}')
                if labels:
                    figures[f'{name}_recall_{title}'] = 100 * matched / labels
                if matched:
                    figures[f'{name}_MAE_{title}'] = error
        print_log('\n' + '\n'.join(lines), 'current')
        return figures
