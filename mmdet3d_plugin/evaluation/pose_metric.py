"""Errors of predicted camera motions as an mmengine metric."""
from collections import defaultdict
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from mmdet3d.registry import METRICS

from ..benchmarks.trajectory_errors import SNIPPET, rotation_errors, trajectory_errors
from ..errors import InputError
from .sample_arrays import array_of
from .table_metric import TableMetric

Run = List[np.ndarray]


@METRICS.register_module()
class PoseMetric(TableMetric):
    """Absolute trajectory error over snippets of five frames, and rotation error.

    Samples are those of clips with the frame before the target (offset -1): ``frame``,
    ``clip_name``, ``clip_index`` (position in the clip), ``clip_offsets``, ``clip_present`` and
    ``clip_motions``, and ``pred_motion`` (4, 4), from the frame's camera to the camera of the
    frame before it, translation in metres. A frame without a frame before it, such as the first
    one of a clip, has no motion to compare. Motions of consecutive frames are chained, see
    ``docs/evaluation.md``. The scale of the predicted translation is fitted per snippet.

    Returns ``pose/ATE_mean`` and ``pose/ATE_std`` in metres over all snippets,
    ``pose/snippets``, their number, and ``pose/rotation_deg``, the mean angle between true and
    predicted rotation from frame to frame, degrees.

    Args:
        snippet: number of frames per snippet, at least 2.
        published: see :func:`~mmdet3d_plugin.benchmarks.trajectory_errors.trajectory_errors`;
            for a comparison with the figures of papers.
        collect_device: device on which the results of all ranks are gathered.
        prefix: prefix of the keys in place of ``pose``.

    Raises:
        InputError: a frame has no true or no predicted motion, a motion is no finite (4, 4)
            matrix, two frames have the same place in a clip, or no clip is as long as a snippet.

    Example:
        >>> from contextlib import redirect_stdout
        >>> from io import StringIO
        >>> metric = PoseMetric(snippet=3)
        >>> for index in range(3):
        ...     step = np.eye(4)
        ...     step[2, 3] = index
        ...     metric.process({}, [dict(
        ...         frame=f'{index:06d}', clip_name='0000', clip_index=index,
        ...         clip_offsets=(0, -1), clip_present=(True, index > 0),
        ...         clip_motions=np.stack([np.eye(4), step]), pred_motion=step)])
        >>> with redirect_stdout(StringIO()):  # hide the logged line
        ...     figures = metric.evaluate(3)
        >>> figures['pose/ATE_mean'], figures['pose/snippets']
        (0.0, 1)
    """

    default_prefix = 'pose'

    def __init__(self, snippet: int = SNIPPET, published: bool = False,
                 collect_device: str = 'cpu', prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if snippet < 2:
            raise InputError(f'snippet is {snippet}, expected at least 2 frames')
        self.snippet = snippet
        self.published = published

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep each frame's place in its clip and, if it has a true motion, its motions."""
        for sample in data_samples:
            motions, index = None, _previous(sample)
            if sample['clip_present'][index]:
                true, predicted = (array_of(_needed(sample, key), ndim)
                                   for key, ndim in (('clip_motions', 3), ('pred_motion', 2)))
                motions = np.stack([_motion(sample, 'clip_motions', true[index]),
                                    _motion(sample, 'pred_motion', predicted)])
            self.results.append((str(sample['clip_name']), int(sample['clip_index']),
                                 sample['frame'], motions))

    def compute_metrics(self, results: List[tuple]) -> Dict[str, float]:
        """Return the errors over all clips."""
        runs = _runs(results)
        motions = [np.stack(run, axis=1) for run in runs]  # (2, N, 4, 4): true and predicted
        errors = [trajectory_errors(true, predicted, self.snippet, self.published)
                  for true, predicted in motions]
        ates = np.concatenate([np.zeros(0), *errors])
        if not len(ates):
            longest = 1 + max(map(len, runs), default=0)
            raise InputError(
                f'a snippet of {self.snippet} frames fits no clip: the longest run of frames '
                f'with known motion has {longest}; evaluate longer clips, or set snippet of '
                'PoseMetric to less')
        angles = np.concatenate([rotation_errors(*run) for run in motions])
        short = sum(not len(found) for found in errors)
        clips = len({clip for clip, *_ in results})
        line = (f'pose of {len(ates)} snippets of {self.snippet} frames in {clips} clips: ATE '
                f'{ates.mean():.4f} ± {ates.std():.4f} m, rotation {angles.mean():.4f} degrees '
                'per frame')
        if short:
            line += f'; {short} of {len(runs)} runs of frames are shorter than a snippet'
        self.log_table(line)
        return dict(ATE_mean=float(ates.mean()), ATE_std=float(ates.std()), snippets=len(ates),
                    rotation_deg=float(angles.mean()))


def _previous(sample: dict) -> int:
    """Return the position in the clip of the frame before the target."""
    if -1 not in sample['clip_offsets']:
        raise InputError(f'{sample["frame"]}: its clip has no frame at offset -1; set offsets of '
                         'the dataset to (-1, ) for PoseMetric')
    return list(sample['clip_offsets']).index(-1)


def _needed(sample: dict, key: str) -> Any:
    """Return an entry of a sample."""
    if sample.get(key) is None:
        raise InputError(f'{sample["frame"]}: has no {key}; PoseMetric is for sets with poses and '
                         'models that predict the motion of the camera')
    return sample[key]


def _motion(sample: dict, key: str, motion: np.ndarray) -> np.ndarray:
    """Return a motion of a sample as (4, 4) float64."""
    motion = motion.astype(np.float64)
    if motion.shape != (4, 4) or not np.isfinite(motion).all():
        raise InputError(f'{sample["frame"]}: its {key} is no (4, 4) matrix of finite numbers; '
                         'correct the poses or the model')
    return motion


def _runs(results: Sequence[tuple]) -> List[Run]:
    """Return the motions (2, 4, 4) of consecutive frames, one list per run of frames."""
    clips: Dict[str, Dict[int, Tuple[str, Optional[np.ndarray]]]] = defaultdict(dict)
    for clip, index, frame, motions in results:
        if index in clips[clip]:
            raise InputError(f'{frame}: frame {index} of clip {clip} is {clips[clip][index][0]} '
                             'too; give each clip a name of its own')
        clips[clip][index] = frame, motions
    runs: List[Run] = []
    for frames in clips.values():
        last = None
        for index in sorted(frames):
            motions = frames[index][1]
            if motions is None:
                continue
            if last != index - 1:
                runs.append([])
            runs[-1].append(motions)
            last = index
    return runs
