"""KITTI's official average precision as an mmengine metric."""
import math
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from mmdet3d.registry import METRICS
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from ..benchmarks.kitti.average_precision import evaluate_kitti
from ..benchmarks.kitti.labels import write_objects
from ..errors import InputError
from ..utils.files import inside
from .prediction_conversion import predictions_to_table


@METRICS.register_module()
class KittiAPMetric(BaseMetric):
    """AP and AOS for 2D, BEV and 3D at R40 and R11; see ``docs/evaluation.md``.

    The dataset's ``eval_ann_info`` brings the ground truth. The table of all
    figures is logged; those at R40 are returned under mmdet3d's keys, for
    example ``Car_3D_AP40_moderate_strict``. Undefined ones are left out.

    Args:
        classes: evaluated classes; those of the dataset by default.
        result_dir: writes one KITTI result file a frame to this folder
            (``RESULT_DIR/data``, the test server's layout).
        format_only: writes results and evaluates nothing (frames without
            labels).
    """

    default_prefix = 'kitti'

    def __init__(self, classes: Optional[Sequence[str]] = None,
                 result_dir: Optional[str] = None, format_only: bool = False,
                 collect_device: str = 'cpu', prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if format_only and result_dir is None:
            raise InputError('these frames have no labels to evaluate against, and no result_dir '
                             'says where to write; pass --submission-dir DIR')
        self.classes = classes
        self.result_dir = result_dir
        self.format_only = format_only

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keeps each image's detections and ground truth as KITTI objects."""
        for sample in data_samples:
            truth = (sample.get('eval_ann_info') or {}).get('object_table')
            if truth is None and not self.format_only:
                raise InputError(
                    f"{sample['img_path']}: has no labels to evaluate against; use a labelled "
                    'split, or set format_only (tools/test.py --submission-dir)')
            predictions = predictions_to_table(sample, self.dataset_meta['classes'])
            self.results.append((sample['frame'], truth, predictions))

    def compute_metrics(self, results: List[tuple]) -> Dict[str, float]:
        """Writes result files if asked to, and evaluates."""
        if self.result_dir is not None:
            folder = Path(self.result_dir) / 'data'
            for frame, _, predictions in results:
                write_objects(inside(folder, f'{frame}.txt'), predictions)
            print_log(f'{len(results)} result files in {folder}', 'current')
        if self.format_only:
            return {}
        classes = self.classes or [name for name in self.dataset_meta['classes']
                                   if name in ('Car', 'Pedestrian', 'Cyclist')]
        evaluation = evaluate_kitti([truth for _, truth, _ in results],
                                    [predictions for _, _, predictions in results],
                                    classes=tuple(classes))
        print_log('\n' + evaluation.table(), 'current')
        return {key: value for key, value in evaluation.to_dict().items()
                if '_AP40_' in key and not math.isnan(value)}
