"""Errors of predicted depth maps as an mmengine metric."""
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Union

import numpy as np
from mmdet3d.registry import METRICS
from mmengine.logging import print_log

from ..benchmarks.depth.map_errors import DepthEvaluation, DepthProtocol
from ..benchmarks.depth.map_files import KITTI_SCALE, write_depth_map
from ..errors import InputError
from ..utils.files import inside
from .table_metric import TableMetric


@METRICS.register_module()
class DepthMetric(TableMetric):
    """AbsRel, SqRel, RMSE, RMSElog, log10 and delta1-3 at the size of the original images.

    Errors are computed per image and averaged over the images with true depth, see
    ``docs/evaluation.md``. Samples hold ``gt_depth_map`` and ``pred_depth_map`` with data
    (1, H, W), metres, 0 where unknown. The table is logged, and the means are returned as
    ``depth/AbsRel`` and so on. Deltas are shares, 0-1.

    Args:
        min_depth: pixels count with a true depth above this one, metres.
        max_depth: pixels count with a true depth below this one, metres.
        crop: names of the evaluated part of the image, see
            :func:`~mmdet3d_plugin.benchmarks.depth.crops.crop_bounds`; the whole image by
            default.
        median_scaling: multiply each prediction by the ratio of the medians of true and
            predicted depth.
        result_dir: folder to write every prediction to, by its frame's name, as 16-bit PNG.
        result_scale: stored units per metre of these files.
        collect_device: device on which the results of all ranks are gathered.
        prefix: prefix of the keys in place of ``depth``.

    Raises:
        InputError: a frame has no depth map, a prediction has another size or contains NaN, or
            no image has true depth that counts.

    Example:
        >>> from contextlib import redirect_stdout
        >>> from io import StringIO
        >>> import torch
        >>> metric = DepthMetric()
        >>> truth, predicted = torch.tensor([[[2., 4.]]]), torch.tensor([[[2., 5.]]])
        >>> metric.process({}, [dict(frame='a', gt_depth_map=dict(data=truth),
        ...                          pred_depth_map=dict(data=predicted))])
        >>> with redirect_stdout(StringIO()):  # hide the logged table
        ...     figures = metric.evaluate(1)
        >>> figures['depth/AbsRel']
        0.125
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
        """Keep each image's errors, and write its prediction if there is a ``result_dir``."""
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
        """Return the mean over the images per error."""
        evaluation = DepthEvaluation(self.protocol)
        for name, errors in results:
            evaluation.add(name, errors)
        self.log_table(evaluation.table())
        if self.result_dir is not None:
            print_log(f'{len(results)} depth maps in {Path(self.result_dir)}', 'current')
        return evaluation.to_dict()


def _depth_map(pixels: Any) -> np.ndarray:
    """Return the (H, W) array of pixel data (1, H, W)."""
    return pixels['data'][0].float().cpu().numpy()
