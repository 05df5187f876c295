"""Errors of predicted depth maps as an mmengine metric."""
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Union

import numpy as np
from mmdet3d.registry import METRICS
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from ..benchmarks.depth.map_errors import DepthEvaluation, DepthProtocol
from ..benchmarks.depth.map_files import KITTI_SCALE, write_depth_map
from ..errors import InputError
from ..utils.files import inside


@METRICS.register_module()
class DepthMetric(BaseMetric):
    """AbsRel, SqRel, RMSE, RMSElog, log10 and delta1-3 at the original images' size.

    Each image's errors by themselves, then their mean over the images that have true depth;
    see ``docs/evaluation.md``. Reads ``gt_depth_map`` and ``pred_depth_map`` (data (1, H, W),
    metres, 0 where unknown). The table is logged, and the means are returned as
    ``depth/AbsRel`` and so on; deltas are shares (0-1).

    Args:
        min_depth, max_depth, crop, median_scaling: see
            :class:`~mmdet3d_plugin.benchmarks.depth.map_errors.DepthProtocol`.
        result_dir: writes every prediction to this folder by its frame's name, as 16-bit PNG.
        result_scale: stored units a metre of these files.

    Raises:
        InputError: a frame has no depth map, a prediction has another size or holds NaN, or no
            image has true depth that counts.
    """

    default_prefix = 'depth'

    def __init__(self, min_depth: float = 1e-3, max_depth: float = 80.,
                 crop: Optional[Union[str, Sequence[str]]] = None, median_scaling: bool = False,
                 result_dir: Optional[str] = None, result_scale: float = KITTI_SCALE,
                 collect_device: str = 'cpu', prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.protocol = DepthProtocol(min_depth, max_depth, crop, median_scaling)
        self.result_dir = result_dir
        self.result_scale = result_scale

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keeps each image's errors, and writes its prediction if asked to."""
        for sample in data_samples:
            if 'gt_depth_map' not in sample:
                raise InputError(f'{sample["img_path"]}: has no depth map to evaluate against; '
                                 'add LoadDepthMap to the test pipeline')
            truth, predicted = (_depth_map(sample[key])
                                for key in ('gt_depth_map', 'pred_depth_map'))
            name = sample['frame']
            self.results.append((name, self.protocol.errors(truth, predicted, name)))
            if self.result_dir is not None:
                path = inside(self.result_dir, f'{name}.png')
                write_depth_map(path, predicted, self.result_scale)

    def compute_metrics(self, results: List[tuple]) -> Dict[str, float]:
        """Means over the images by metric."""
        evaluation = DepthEvaluation(self.protocol)
        for name, errors in results:
            evaluation.add(name, errors)
        print_log('\n' + evaluation.table(), 'current')
        if self.result_dir is not None:
            print_log(f'{len(results)} depth maps in {Path(self.result_dir)}', 'current')
        return evaluation.to_dict()


def _depth_map(pixels: Any) -> np.ndarray:
    """(H, W) of pixel data of (1, H, W)."""
    return pixels['data'][0].float().cpu().numpy()
