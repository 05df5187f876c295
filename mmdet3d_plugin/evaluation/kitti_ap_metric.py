"""KITTI's official average precision as an mmengine metric."""
import math
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from mmdet3d.registry import METRICS
from mmengine.logging import print_log

from ..benchmarks.kitti.average_precision import evaluate_kitti
from ..benchmarks.kitti.labels import write_objects
from ..benchmarks.kitti.protocol import MIN_HEIGHTS, check_protocol
from ..errors import InputError
from ..structures.class_names import find_class
from ..utils.files import inside
from .prediction_conversion import predictions_to_table
from .table_metric import TableMetric


@METRICS.register_module()
class KittiAPMetric(TableMetric):
    """AP and AOS for 2D, BEV and 3D at R40 and R11, see ``docs/evaluation.md``.

    Ground truth is the dataset's ``eval_ann_info['object_table']``. The table of all figures is
    logged. The figures at R40, in percent, are returned under mmdet3d's keys, for example
    ``kitti/Car_3D_AP40_moderate_strict``. Undefined figures are left out.

    Args:
        classes: evaluated classes, those of the dataset by default.
        result_dir: folder to write one KITTI result file per frame to
            (``RESULT_DIR/data``, the test server's layout).
        clip_boxes: whether the 2D boxes of predictions are clipped to the image. Labels are
            drawn inside the image, and mmdet3d clips too, so this is the default. The released
            code of MonoDLE, GUPNet, DID-M3D and MonoLSS does not clip, which moves 2D AP, AOS and
            the minimum-height filter at the border. Their reference configs set it to False.
        format_only: write results and evaluate nothing, for frames without labels.
        min_overlaps: (strict, loose) IoU that a match must exceed, by class; by default 0.7 and
            0.5 for Car and similar classes, 0.5 and 0.25 for all others.
        min_heights: smallest heights of image boxes by difficulty, pixels.
        collect_device: device on which the results of all ranks are gathered.
        prefix: prefix of the keys in place of ``kitti``.

    Raises:
        InputError: ``format_only`` is set without ``result_dir``, a limit is out of its range,
            or a frame has no ground truth.

    Example:
        >>> from contextlib import redirect_stdout
        >>> from io import StringIO
        >>> import numpy as np
        >>> import torch
        >>> from mmdet3d.structures import CameraInstance3DBoxes
        >>> from mmdet3d_plugin.structures.object_table import ObjectTable
        >>> truth = ObjectTable.from_table(['Car'], np.array(
        ...     [[0, 0, 0, 0, 0, 50, 50, 1.5, 1.6, 4, 0, 1.6, 10, 0]]))
        >>> boxes_3d = CameraInstance3DBoxes([[0., 1.6, 10., 4., 1.5, 1.6, 0.]])
        >>> sample = dict(
        ...     frame='a', cam2img=np.eye(4), ori_shape=(60, 60),
        ...     eval_ann_info=dict(object_table=truth),
        ...     pred_instances=dict(bboxes=torch.tensor([[0., 0., 50., 50.]])),
        ...     pred_instances_3d=dict(bboxes_3d=boxes_3d, scores_3d=torch.ones(1),
        ...                            labels_3d=torch.zeros(1)))
        >>> metric = KittiAPMetric()
        >>> metric.dataset_meta = dict(classes=['Car'])
        >>> metric.process({}, [sample] * 41)
        >>> with redirect_stdout(StringIO()):  # hide the logged table
        ...     figures = metric.evaluate(41)
        >>> figures['kitti/Car_3D_AP40_moderate_strict']
        100.0
    """

    default_prefix = 'kitti'

    def __init__(self, classes: Optional[Sequence[str]] = None,
                 result_dir: Optional[str] = None, format_only: bool = False,
                 clip_boxes: bool = True, collect_device: str = 'cpu',
                 prefix: Optional[str] = None,
                 min_overlaps: Optional[Dict[str, Sequence[float]]] = None,
                 min_heights: Sequence[float] = MIN_HEIGHTS) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if format_only and result_dir is None:
            raise InputError('these frames have no labels to evaluate against, and no result_dir '
                             'says where to write; pass --submission-dir DIR')
        self.classes = classes
        self.result_dir = result_dir
        self.format_only = format_only
        self.clip_boxes = clip_boxes
        self.min_overlaps = min_overlaps
        self.min_heights = min_heights

    @staticmethod
    def check_settings(settings: dict, classes: Sequence[str]) -> None:
        """Check, before a run, that detections of these classes can be evaluated.

        Args:
            settings: config of the metric.
            classes: classes of the dataset.

        Raises:
            InputError: a class or a limit cannot be evaluated.
        """
        for name in settings.get('classes') or ():
            if find_class(name, classes) is None:
                raise InputError(f'KittiAPMetric: classes names {name}, which is not detected; '
                                 f'the classes are {", ".join(classes)}')
        check_protocol(settings.get('classes') or classes, settings.get('min_overlaps'),
                       settings.get('min_heights', MIN_HEIGHTS), 'KittiAPMetric')

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep each image's predictions and ground truth as object tables."""
        for sample in data_samples:
            truth = (sample.get('eval_ann_info') or {}).get('object_table')
            if truth is None and not self.format_only:
                raise InputError(
                    f"{sample['img_path']}: has no labels to evaluate against; use a labelled "
                    'split, or set format_only (tools/test.py --submission-dir)')
            predictions = predictions_to_table(sample, self.dataset_meta['classes'],
                                               self.clip_boxes)
            self.results.append((sample['frame'], truth, predictions))

    def compute_metrics(self, results: List[tuple]) -> Dict[str, float]:
        """Write result files if there is a ``result_dir``, and evaluate."""
        if self.result_dir is not None:
            folder = Path(self.result_dir) / 'data'
            for frame, _, predictions in results:
                write_objects(inside(folder, f'{frame}.txt'), predictions)
            print_log(f'{len(results)} result files in {folder}', 'current')
        if self.format_only:
            return {}
        evaluation = evaluate_kitti([truth for _, truth, _ in results],
                                    [predictions for _, _, predictions in results],
                                    tuple(self.classes or self.dataset_meta['classes']),
                                    min_overlaps=self.min_overlaps,
                                    min_heights=self.min_heights)
        self.log_table(evaluation.table())
        return {key: value for key, value in evaluation.to_dict().items()
                if '_AP40_' in key and not math.isnan(value)}
